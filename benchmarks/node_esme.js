// An ESME on node-smpp that answers each deliver_sm with its response and one submit_sm, and stores nothing.
//
//   node node_esme.js PORT
'use strict';

const smpp = require('smpp');

const ANSWER = 'Account ending 1101 available: 12,345.67 CNY';
const session = smpp.connect({ url: 'smpp://127.0.0.1:' + process.argv[2] }, () => {
  session.socket.setNoDelay(true);
  session.bind_transceiver({ system_id: 'tellerline', password: 'demo' });
});
session.on('deliver_sm', (pdu) => {
  session.send(pdu.response());
  session.submit_sm({
    source_addr: pdu.destination_addr,
    destination_addr: pdu.source_addr,
    dest_addr_ton: 1,
    dest_addr_npi: 1,
    short_message: ANSWER,
  });
});
session.on('error', () => process.exit(1));
session.on('close', () => process.exit(0));

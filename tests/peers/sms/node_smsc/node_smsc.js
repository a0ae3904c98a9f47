// A message centre on node-smpp's PDU code, driven by JSON lines: commands on standard input, events on standard output.
//   {"do":"deliver","id":1,"pdu":{...}}  deliver_sm with these fields; "hex" instead of "short_message" for raw octets
//   {"do":"drop"}                        cut every connection
//   {"do":"mode","throttle":2,"decimal":true,"receipts":true}
'use strict';
const readline = require('readline');
const smpp = require('smpp');

const mode = { throttle: 0, receipts: false, decimal: false };
const sessions = new Set();
let submits = 0;
let ids = 0xa0f;

function tell(event) {
  process.stdout.write(JSON.stringify(event) + '\n');
}

function text(pdu) {
  const message = pdu.message_payload || pdu.short_message || {};
  const body = message.message === undefined ? message : message.message;
  return Buffer.isBuffer(body) ? { hex: body.toString('hex') } : { text: body };
}

function receipt(session, pdu, id) {
  const shown = mode.decimal ? String(parseInt(id, 16)) : id;
  session.deliver_sm({
    source_addr: pdu.destination_addr,
    destination_addr: pdu.source_addr,
    esm_class: 4,
    short_message: `id:${shown} sub:001 dlvrd:001 submit date:2603021015 done date:2603021016 stat:DELIVRD err:000 text:`,
    receipted_message_id: shown,
    message_state: 2,
  });
}

function submitted(session, pdu) {
  submits += 1;
  if (mode.throttle && submits % mode.throttle === 0) {
    session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
    tell({ event: 'throttled' });
    return;
  }
  const id = (ids++).toString(16);
  session.send(pdu.response({ message_id: id }));
  const udh = (pdu.short_message && pdu.short_message.udh) || [];
  tell({
    event: 'submit',
    id,
    from: pdu.source_addr,
    to: pdu.destination_addr,
    coding: pdu.data_coding,
    esm_class: pdu.esm_class,
    udh: [].concat(udh).map((element) => (Buffer.isBuffer(element) ? element.toString('hex') : '')),
    ...text(pdu),
  });
  if (mode.receipts) receipt(session, pdu, id);
}

const server = smpp.createServer((session) => {
  session.socket.setNoDelay(true);
  session.on('error', (error) => tell({ event: 'error', message: String(error.message) }));
  session.on('close', () => {
    sessions.delete(session);
    tell({ event: 'closed' });
  });
  session.on('bind_transceiver', (pdu) => {
    if (pdu.password !== 'demo') {
      session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }));
      tell({ event: 'refused' });
      return;
    }
    sessions.add(session);
    session.send(pdu.response({ system_id: 'node-smpp' }));
    tell({ event: 'bound', system_id: pdu.system_id });
  });
  session.on('submit_sm', (pdu) => submitted(session, pdu));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => {
    session.send(pdu.response());
    session.close();
  });
});

function deliver(command) {
  const [session] = sessions;
  if (!session) {
    tell({ event: 'acknowledged', id: command.id, status: -1 });
    return;
  }
  const fields = Object.assign({}, command.pdu);
  for (const name of ['short_message', 'message_payload']) {
    if (fields[name] && fields[name].hex !== undefined) fields[name] = Buffer.from(fields[name].hex, 'hex');
  }
  session.deliver_sm(fields, (answer) => {
    tell({ event: 'acknowledged', id: command.id, status: answer.command_status });
  });
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line);
  if (command.do === 'deliver') deliver(command);
  else if (command.do === 'drop') for (const session of sessions) session.destroy();
  else if (command.do === 'enquire') for (const session of sessions) session.enquire_link({}, () => tell({ event: 'alive' }));
  else if (command.do === 'mode') Object.assign(mode, command);
}).on('close', () => process.exit(0));  // who started this is gone

server.listen(0, '127.0.0.1');
server.on('listening', () => tell({ event: 'listening', port: server.address().port }));

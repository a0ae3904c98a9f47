// An SMSC for tests on node-smpp's PDU code. Orders come as JSON lines on standard input, what happens goes out as
// JSON lines on standard output. It ends when standard input ends, and after `life_s` seconds whatever happens.
//
//   node smsc.js '{"system_id": "bank", "password": "secret", "life_s": 120}'
'use strict';

const smpp = require('smpp');

const settings = JSON.parse(process.argv[2]);
const VENDOR_TAG = 0x1401; // SMPP 3.4 §5.3.2: 0x1400 to 0x3FFF are the SMSC vendor's own
smpp.addTLV('vendor_note', { id: VENDOR_TAG, type: smpp.types.buffer });

// How it behaves from now on; the order "behave" changes single entries.
const manners = {
  throttle_every: 0, // refuse every Nth submit_sm as too fast
  throttle_status: smpp.ESME_RTHROTTLED,
  answer_after_ms: 0, // how long a submit_sm waits for its answer
  resp_id: 'decimal', // the id in submit_sm_resp: decimal or hex
  receipts: '', // the id in receipts: decimal, hex, or no receipts
  receipt_copies: 1,
  receipt_early: false, // before the submit_sm_resp that names the id
  vendor_tlv: false, // on every deliver_sm and submit_sm_resp
  refuse_binds: 0, // so many binds are refused
  drop_at_submit: 0, // the Nth submit_sm from now is not taken: the link breaks instead
  drop_at_answer: 0, // the Nth submit_sm from now is taken, and the link breaks instead of its answer
  drop_at_ack: 0, // the Nth deliver_sm_resp from now is not read: the link breaks instead
};

let session = null; // the bound one
let links = 0;
let submits = 0;
let underWay = 0; // submit_sm that were taken and are not answered yet
let lastId = 41; // ids 42.. : hex and decimal differ from the first one on
let reference = 0;

function tell(event, fields) {
  process.stdout.write(JSON.stringify(Object.assign({ event }, fields)) + '\n');
}

function idAs(form, id) {
  return form === 'hex' ? id.toString(16).toUpperCase() : String(id).padStart(10, '0');
}

// --- from the ESME ---

function onBind(link, pdu) {
  if (manners.refuse_binds > 0) {
    manners.refuse_binds -= 1;
    link.send(pdu.response({ command_status: smpp.ESME_RBINDFAIL }), () => link.close());
    tell('refused', { why: 'told to' });
    return;
  }
  if (pdu.system_id !== settings.system_id || pdu.password !== settings.password) {
    link.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }), () => link.close());
    tell('refused', { why: 'password' });
    return;
  }
  session = link;
  link.send(pdu.response({ system_id: 'node-smpp', sc_interface_version: 0x34 }));
  tell('bound', { link: link.number, command: pdu.command, version: pdu.interface_version });
  onBound();
}

function headerOf(udh) {
  for (const element of udh || []) {
    if (element[0] === 0x00 && element[1] === 3) return { reference: element[2], total: element[3], number: element[4] };
    if (element[0] === 0x08 && element[1] === 4) {
      return { reference: element.readUInt16BE(2), total: element[4], number: element[5] };
    }
  }
  return null;
}

function onSubmit(link, pdu) {
  submits += 1;
  if (manners.drop_at_submit > 0 && --manners.drop_at_submit === 0) {
    tell('dropped', { link: link.number, taken: false });
    link.destroy();
    return;
  }
  if (manners.throttle_every > 0 && submits % manners.throttle_every === 0) {
    link.send(pdu.response({ command_status: manners.throttle_status }));
    tell('throttled', { link: link.number });
    return;
  }
  const id = ++lastId;
  underWay += 1;
  const content = pdu.message_payload && pdu.message_payload.message ? pdu.message_payload : pdu.short_message;
  tell('submitted', {
    link: link.number,
    id,
    from: pdu.source_addr,
    to: pdu.destination_addr,
    text: content.message || '',
    data_coding: pdu.data_coding,
    registered: pdu.registered_delivery,
    part: headerOf(content.udh),
    under_way: underWay,
  });
  if (manners.drop_at_answer > 0 && --manners.drop_at_answer === 0) {
    tell('dropped', { link: link.number, taken: true });
    underWay -= 1;
    link.destroy();
    return;
  }
  const answer = () => {
    underWay -= 1;
    const extra = manners.vendor_tlv ? { vendor_note: Buffer.from('cost=7') } : {};
    if (manners.receipt_early) sendReceipts(pdu, id);
    link.send(pdu.response(Object.assign({ message_id: idAs(manners.resp_id, id) }, extra)));
    if (!manners.receipt_early) sendReceipts(pdu, id);
  };
  if (manners.answer_after_ms > 0) setTimeout(answer, manners.answer_after_ms);
  else answer();
}

function sendReceipts(pdu, id) {
  if (!manners.receipts || !pdu.registered_delivery) return;
  const name = idAs(manners.receipts, id);
  const text = `id:${name} sub:001 dlvrd:001 submit date:2611231200 done date:2611231201 stat:DELIVRD err:000 text:`;
  for (let copy = 0; copy < manners.receipt_copies; copy++) {
    sendDeliver({
      esm_class: 0x04, // §5.2.12: an SMSC delivery receipt
      source_addr: pdu.destination_addr,
      destination_addr: pdu.source_addr,
      data_coding: 0,
      short_message: { message: text },
      receipted_message_id: name,
      message_state: 2,
    }, { receipt: name });
  }
}

// --- to the ESME ---

// A message that is not acknowledged is brought again: after the next bind, or when it was refused for the moment.
const outstanding = new Set();
const RETRY_AFTER_MS = 100;

function sendDeliver(fields, told) {
  const message = { fields, told, tries: 0, under_way: false };
  outstanding.add(message);
  attempt(message);
}

function attempt(message) {
  const link = session;
  if (link === null || message.under_way || !outstanding.has(message)) return;
  message.tries += 1;
  message.under_way = true;
  const base = { source_addr_ton: 1, source_addr_npi: 1, dest_addr_ton: 0, dest_addr_npi: 1 };
  const extra = manners.vendor_tlv ? { vendor_note: Buffer.from('route=3') } : {};
  link.deliver_sm(Object.assign(base, message.fields, extra), (answer) => onDelivered(link, message, answer));
}

function onDelivered(link, message, answer) {
  const status = answer.command_status;
  if (manners.drop_at_ack > 0 && --manners.drop_at_ack === 0) {
    tell('dropped', { link: link.number, taken: false });
    link.destroy(); // the acknowledgement was never read
    return;
  }
  message.under_way = false;
  tell('answered', Object.assign({ link: link.number, status, tries: message.tries }, message.told));
  if (BUSY.includes(status)) setTimeout(() => attempt(message), RETRY_AFTER_MS);
  else outstanding.delete(message);
}

const BUSY = [smpp.ESME_RX_T_APPN, smpp.ESME_RMSGQFUL, smpp.ESME_RTHROTTLED];

function onBound() {
  for (const message of outstanding) attempt(message);
}

function onLost() {
  for (const message of outstanding) message.under_way = false;
}

const CODINGS = { gsm: 0, ascii: 1, latin1: 3, ucs2: 8 };

// parts: how many; how: whole, udh8, udh16, sar, payload; order: the numbers of the parts as they are to be sent
function deliver(order) {
  const base = { source_addr: order.from, destination_addr: order.to, data_coding: CODINGS[order.encoding] };
  const told = (number) => ({ id: order.id, number });
  if (order.how === 'whole') return sendDeliver(Object.assign({ short_message: { message: order.text } }, base), told(1));
  if (order.how === 'payload') {
    return sendDeliver(Object.assign({ short_message: '', message_payload: { message: order.text } }, base), told(1));
  }
  const letters = Array.from(order.text); // by code points: no surrogate pair is cut
  const size = Math.ceil(letters.length / order.parts);
  reference = order.reference === null ? (reference + 1) & 0xff : order.reference;
  for (const number of order.order) {
    const text = letters.slice((number - 1) * size, number * size).join('');
    sendDeliver(Object.assign({}, base, partFields(order, number, text)), told(number));
  }
}

function partFields(order, number, text) {
  if (order.how === 'udh8') {
    return { short_message: { udh: Buffer.from([5, 0, 3, reference, order.parts, number]), message: text } };
  }
  if (order.how === 'udh16') {
    return { short_message: { udh: Buffer.from([6, 8, 4, 0x12, reference, order.parts, number]), message: text } };
  }
  if (order.how === 'sar') {
    return {
      short_message: { message: text },
      sar_msg_ref_num: reference,
      sar_total_segments: order.parts,
      sar_segment_seqnum: number,
    };
  }
  throw new Error(`no way to deliver called ${order.how}`);
}

// --- the server ---

const server = smpp.createServer({}, (link) => {
  link.number = ++links;
  link.socket.setNoDelay(true);
  for (const command of ['bind_transceiver', 'bind_receiver', 'bind_transmitter']) {
    link.on(command, (pdu) => onBind(link, pdu));
  }
  link.on('submit_sm', (pdu) => onSubmit(link, pdu));
  link.on('enquire_link', (pdu) => {
    link.send(pdu.response());
    tell('enquired', { link: link.number });
  });
  link.on('unbind', (pdu) => {
    link.send(pdu.response(), () => link.close());
    tell('unbound', { link: link.number });
  });
  link.on('generic_nack', (pdu) => tell('nacked', { link: link.number, status: pdu.command_status }));
  link.on('unknown', (pdu) => link.send(pdu.response()));
  link.on('close', () => {
    if (session === link) {
      session = null;
      onLost();
    }
    tell('closed', { link: link.number });
  });
  link.on('error', (error) => {
    // A reset is what a dropped link looks like; anything else is a PDU that node-smpp could not read.
    if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') tell('fault', { why: String(error.message) });
    link.destroy();
  });
});

const orders = {
  deliver,
  behave: (order) => {
    for (const name of Object.keys(order.manners)) {
      if (!(name in manners)) throw new Error(`no manner called ${name}`);
    }
    Object.assign(manners, order.manners);
  },
  drop: () => {
    if (session !== null) onLost();
    session = null;
    server.sessions.slice().forEach((link) => link.destroy());
  },
  unbind: () => {
    const link = session;
    link.unbind(() => link.close());
  },
  enquire: (order) => session.enquire_link((answer) => tell('alive', { id: order.id, status: answer.command_status })),
  stop_listening: () => server.close(),
  listen: () => server.listen(server.kept_port, '127.0.0.1'),
};

let rest = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop();
  for (const line of lines) {
    try {
      const order = JSON.parse(line);
      orders[order.do](order);
      tell('done', { id: order.id });
    } catch (error) {
      tell('fault', { why: String(error.stack) });
    }
  }
});
process.stdin.on('end', () => process.exit(0));
process.on('uncaughtException', (error) => {
  tell('fault', { why: String(error.stack) });
  process.exit(3);
});
setTimeout(() => process.exit(4), settings.life_s * 1000).unref();

server.once('listening', () => {
  server.kept_port = server.address().port;
  tell('listening', { port: server.kept_port });
});
server.listen(0, '127.0.0.1');

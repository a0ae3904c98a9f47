// An SMSC for tests on node-smpp's PDU code. Orders come as JSON lines on standard input, what happens goes out as
// JSON lines on standard output. It ends when standard input ends, and after `life_s` seconds whatever happens.
//
//   node smsc.js '{"system_id": "bank", "password": "secret", "life_s": 120}'
'use strict';

const smpp = require('smpp');

const settings = JSON.parse(process.argv[2]);
const VENDOR_TAG = 0x1401; // SMPP 3.4 §5.3.2: 0x1400 to 0x3FFF are the SMSC vendor's own
smpp.addTLV('vendor_note', { id: VENDOR_TAG, type: smpp.types.buffer });
smpp.addTLV('nobodys', { id: 0xfffe, type: smpp.types.buffer });
smpp.addTLV('empty', { id: 0x0381, type: smpp.types.buffer }); // callback_num, of no length

// How it behaves from now on; the order "behave" changes single entries.
const manners = {
  throttle_every: 0, // refuse every Nth submit_sm as too fast
  throttle_status: smpp.ESME_RTHROTTLED,
  statuses: [], // of the next submit_sm, one after another, before all else; 0 takes
  nack_every: 0, // a generic_nack instead of every Nth response; the message is not taken
  nack_status: smpp.ESME_RINVCMDID,
  swallow: 0, // the next N submit_sm are taken and never answered
  lose: 0, // the next N submit_sm are neither taken nor answered
  answer_after_ms: 0, // how long a submit_sm waits for its answer
  resp_id: 'decimal', // the id in submit_sm_resp: decimal or hex
  receipts: '', // the id in receipts: decimal, hex, or no receipts
  receipt_copies: 1,
  receipt_early: false, // before the submit_sm_resp that names the id
  receipt_states: ['DELIVRD'], // of one message after another, round and round
  receipt_form: 'both', // both, text, tlv, lower, short
  vendor_tlv: false, // on every deliver_sm and submit_sm_resp
  odd_tlvs: false, // on the same: known ones where they do not belong, of no length, twice, and one that nobody knows
  refuse_binds: 0, // so many binds are refused
  drop_at_submit: 0, // the Nth submit_sm from now is not taken: the link breaks instead
  drop_at_answer: 0, // the Nth submit_sm from now is taken, and the link breaks instead of its answer
  drop_at_ack: 0, // the Nth deliver_sm_resp from now is not read: the link breaks instead
};

let session = null; // the bound one
let links = 0;
let submits = 0;
let reported = 0;
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

function sarOf(pdu) {
  if (pdu.sar_total_segments === undefined) return null;
  return { reference: pdu.sar_msg_ref_num, total: pdu.sar_total_segments, number: pdu.sar_segment_seqnum };
}

function howOf(pdu, content) {
  if (content === pdu.message_payload) return 'payload';
  if (sarOf(pdu)) return 'sar';
  const element = (content.udh || []).find((one) => one[0] === 0x00 || one[0] === 0x08);
  return element === undefined ? 'whole' : element[0] === 0x00 ? 'udh8' : 'udh16';
}

// What peers of peers were seen to add. dest_addr_subunit belongs into submit_sm, sc_interface_version into a bind's answer.
function oddTlvs() {
  const vendors = manners.vendor_tlv ? { vendor_note: Buffer.from('route=3') } : {};
  if (!manners.odd_tlvs) return vendors;
  const odd = { dest_addr_subunit: 1, sc_interface_version: 0x34, nobodys: Buffer.alloc(40), empty: Buffer.alloc(0) };
  return Object.assign(vendors, odd);
}

function onSubmit(link, pdu) {
  submits += 1;
  if (manners.drop_at_submit > 0 && --manners.drop_at_submit === 0) {
    tell('dropped', { link: link.number, taken: false });
    link.destroy();
    return;
  }
  if (manners.lose > 0) {
    manners.lose -= 1;
    tell('lost', { link: link.number });
    return;
  }
  if (manners.nack_every > 0 && submits % manners.nack_every === 0) {
    const { nack_status: command_status } = manners;
    link.send(new smpp.PDU('generic_nack', { command_status, sequence_number: pdu.sequence_number }));
    tell('refused_by_nack', { link: link.number });
    return;
  }
  let status = manners.statuses.length > 0 ? manners.statuses.shift() : undefined;
  const throttled = status === undefined && manners.throttle_every > 0 && submits % manners.throttle_every === 0;
  if (throttled) status = manners.throttle_status;
  if (status) {
    link.send(pdu.response({ command_status: status }));
    tell(throttled ? 'throttled' : 'refused_with', { link: link.number, status });
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
    part: headerOf(content.udh) || sarOf(pdu),
    how: howOf(pdu, content),
    sequence: pdu.sequence_number,
    under_way: underWay,
  });
  if (manners.swallow > 0) {
    manners.swallow -= 1;
    underWay -= 1;
    return;
  }
  if (manners.drop_at_answer > 0 && --manners.drop_at_answer === 0) {
    tell('dropped', { link: link.number, taken: true });
    underWay -= 1;
    link.destroy();
    return;
  }
  const answer = () => {
    underWay -= 1;
    const extra = oddTlvs();
    if (manners.receipt_early) sendReceipts(pdu, id);
    link.send(pdu.response(Object.assign({ message_id: idAs(manners.resp_id, id) }, extra)));
    if (!manners.receipt_early) sendReceipts(pdu, id);
  };
  if (manners.answer_after_ms > 0) setTimeout(answer, manners.answer_after_ms);
  else answer();
}

function sendReceipts(pdu, id) {
  if (!manners.receipts || !pdu.registered_delivery) return;
  const state = manners.receipt_states[reported++ % manners.receipt_states.length];
  const form = manners.receipt_form;
  const lower = (word) => (form === 'lower' ? word.toLowerCase() : word);
  const name = lower(idAs(manners.receipts, id));
  const failed = state === 'DELIVRD' ? 0 : 1;
  const dates = 'submit date:2611231200 done date:2611231201';
  const whole = `id:${name} sub:001 dlvrd:00${1 - failed} ${dates} stat:${lower(state)} err:0${failed}${failed} text:`;
  const text = form === 'short' ? `id:${name} stat:${state}` : whole;
  const tlvs = { receipted_message_id: name, message_state: STATES[state] };
  for (let copy = 0; copy < manners.receipt_copies; copy++) {
    sendDeliver(Object.assign({
      esm_class: 0x04, // §5.2.12: an SMSC delivery receipt
      source_addr: pdu.destination_addr,
      destination_addr: pdu.source_addr,
      data_coding: 0,
      short_message: { message: form === 'tlv' ? '' : text },
    }, form === 'both' || form === 'tlv' ? tlvs : {}), { receipt: name });
  }
}

const STATES = { ENROUTE: 1, DELIVRD: 2, EXPIRED: 3, DELETED: 4, UNDELIV: 5, ACCEPTD: 6, UNKNOWN: 7, REJECTD: 8 };

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
  const extra = oddTlvs();
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

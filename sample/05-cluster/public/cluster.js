// The room lives in the address, /#kitchen, so that it can be shared; the name in this tab.

const $ = (id) => document.getElementById(id);
const door = $('door');
const composer = $('composer');
const log = $('log');

/** After these nothing would be better the next time: the end was wanted, or the client is at fault. */
const FINAL = new Set([1000, 1002, 1003, 1007, 1008, 1009]);

let me;
let room;
/** Where we are connected, and all that we could be: `localhost:3000`. */
let host = location.host;
let hosts = [host];
let people = [];
let lastSaid = '';
let socket;
let retries = 0;
let retryTimer;

// Connection

function connect() {
  clearTimeout(retryTimer);
  show('connecting', 'connecting …');
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const url = `${scheme}://${host}/rooms/${encodeURIComponent(room)}?name=${encodeURIComponent(me)}`;
  const opened = new WebSocket(url);
  socket = opened;
  opened.onmessage = ({ data }) => receive(JSON.parse(data));
  opened.onclose = ({ code }) => {
    // A socket that was left on purpose has no say any more.
    if (opened === socket) lost(code);
  };
}

function lost(code) {
  mute();
  if (FINAL.has(code)) return show('closed', `closed (${code})`);
  // 1012: the node restarts. 1001: it thought us gone. 1006: the network failed, or nobody listens. Another may.
  host = hosts[(hosts.indexOf(host) + 1) % hosts.length];
  const delay = Math.min(10_000, 500 * 2 ** retries++) * (0.5 + Math.random() / 2);
  show('connecting', code === 1012 ? 'node restarts …' : 'reconnecting …');
  retryTimer = setTimeout(connect, delay);
}

/** Leaves without a retry. */
function disconnect() {
  clearTimeout(retryTimer);
  const left = socket;
  socket = undefined;
  left?.close(1000);
}

// The browser may take minutes to give up a socket whose network has gone.
addEventListener('offline', () => {
  if (!me) return;
  disconnect();
  mute();
  show('closed', 'offline');
});
addEventListener('online', () => me && !socket && connect());

// A page that is left says so, and comes back when the browser takes it out of its cache.
addEventListener('pagehide', disconnect);
addEventListener('pageshow', ({ persisted }) => persisted && me && connect());

// What the server says

function receive(message) {
  switch (message.type) {
    case 'welcome':
      retries = 0;
      hosts = message.nodes.map((node) => node.host);
      show('open', 'connected');
      showNode(message.node);
      composer.elements.send.disabled = false;
      showPeople(message.people);
      return note(`You are on node ${message.node}.`);
    case 'people':
      tellOf(message.people);
      return showPeople(message.people);
    case 'gap':
      return note('The broker was away: posts from other nodes may be missing here.', 'note gap');
    case 'said':
      return said(message);
    case 'error':
      return complain(message.message);
  }
}

// The page. Text goes in as text: nothing that anybody writes is ever read as HTML.

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

function avatar(name) {
  const hue = [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 0);
  const made = element('span', 'avatar', [...name.trim()][0].toUpperCase());
  made.style.setProperty('--hue', hue);
  made.setAttribute('aria-hidden', 'true');
  return made;
}

function show(state, label) {
  $('status').dataset.state = state;
  $('status').textContent = label;
}

function showNode(name) {
  $('node').hidden = name === undefined;
  $('node').textContent = `node ${name}`;
}

function showPeople(now) {
  people = now;
  $('count').textContent = people.length || '';
  $('people').replaceChildren(...people.map(person));
}

function person({ name, nodes }) {
  const badges = nodes.map((node) => element('span', 'node', node));
  return element('li', '', avatar(name), element('span', 'name', name), ...badges);
}

/** Who is here that was not, and the other way round. */
function tellOf(now) {
  const names = (list) => list.map(({ name }) => name).filter((name) => name !== me);
  const [before, after] = [names(people), names(now)];
  for (const name of after) if (!before.includes(name)) note(`${name} joined`);
  for (const name of before) if (!after.includes(name)) note(`${name} left`);
}

/** Nobody hears us. */
function mute() {
  composer.elements.send.disabled = true;
  showNode();
  showPeople([]);
}

function said({ name, text, at }) {
  const time = new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  const by = element('span', 'by', element('b', '', name), time);
  const item = element('li', 'said', by, avatar(name), element('span', 'text', text));
  item.dataset.name = name;
  item.classList.toggle('mine', name === me);
  item.classList.toggle('same', log.lastElementChild?.dataset.name === name);
  add(item);
}

function note(words, className = 'note') {
  add(element('li', className, words));
}

function add(item) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  log.append(item);
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function complain(words) {
  $('error').textContent = words;
  $('error').hidden = false;
  composer.elements.say.value ||= lastSaid;
  log.scrollTop = log.scrollHeight;
}

// What the user does

composer.addEventListener('submit', (event) => {
  event.preventDefault();
  const { say } = composer.elements;
  $('error').hidden = true;
  if (!say.value.trim() || socket?.readyState !== WebSocket.OPEN) return;
  lastSaid = say.value;
  socket.send(JSON.stringify({ say: lastSaid }));
  say.value = '';
});

door.addEventListener('submit', (event) => {
  event.preventDefault();
  enter(door.elements.name.value.trim(), door.elements.room.value.trim());
});

$('leave').addEventListener('click', () => {
  disconnect();
  me = undefined;
  $('chat').hidden = true;
  door.hidden = false;
});

function enter(name, wanted) {
  me = name;
  room = wanted;
  retries = 0;
  sessionStorage.setItem('name', me);
  history.replaceState(null, '', `#${encodeURIComponent(room)}`);
  document.title = `#${room}`;
  $('room').textContent = room;
  log.replaceChildren();
  door.hidden = true;
  $('chat').hidden = false;
  composer.elements.say.focus();
  connect();
}

door.elements.name.value = sessionStorage.getItem('name') ?? '';
door.elements.room.value = decodeURIComponent(location.hash.slice(1)) || 'lobby';
door.elements.name.focus();

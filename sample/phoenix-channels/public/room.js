import { Presence, Socket } from '/phoenix.mjs';

const $ = (id) => document.getElementById(id);
const composer = $('composer');
const log = $('log');

/** The server takes messages of a megabyte. */
const MAX_PICTURE_BYTES = 990_000;

$('door').addEventListener('submit', async (event) => {
  event.preventDefault();
  const me = new FormData($('door')).get('user').trim();
  await enter(me);
  $('door').hidden = true;
  $('chat').hidden = false;
  composer.elements.text.focus();
});

async function enter(me) {
  let token = await tokenOf(me);
  const socket = new Socket('/socket', { params: () => ({ token }) });
  socket.onOpen(() => show('open', 'connected'));
  socket.onClose(({ code }) => show('connecting', code === 1012 ? 'server restarts …' : 'reconnecting …'));
  // A server that has restarted may have another secret.
  socket.onError(async () => (token = await tokenOf(me).catch(() => token)));
  socket.connect();

  const room = socket.channel('room:lobby');
  const presence = new Presence(room);
  presence.onSync(() => showPeople(presence.list((name) => name)));
  presence.onJoin((name, before) => before || note(`${name} joined`));
  presence.onLeave((name, { metas }) => metas.length > 0 || note(`${name} left`));
  room.on('said', ({ user, text }) => said(user, text, user === me));
  room.on('picture', (bytes) => picture(bytes, false));
  room.on('typing', ({ user }) => typing(user));
  room.join().receive('error', ({ reason }) => complain(reason));

  composer.addEventListener('submit', (event) => {
    event.preventDefault();
    say(room, composer.elements.text);
  });
  composer.elements.text.addEventListener(
    'input',
    sparing(1_000, () => room.push('typing', {})),
  );
  $('pick').addEventListener('click', () => $('file').click());
  $('file').addEventListener('change', () => present(room, $('file').files[0]));
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    event.preventDefault();
    present(room, event.dataTransfer.files[0]);
  });
}

async function tokenOf(user) {
  const response = await fetch(`/token?${new URLSearchParams({ user })}`);
  return (await response.json()).token;
}

// What the user does

function say(room, input) {
  const text = input.value.trim();
  if (text === '') return;
  $('error').hidden = true;
  room
    .push('say', { text })
    .receive('ok', () => (input.value = ''))
    .receive('error', ({ reason }) => complain(reason))
    .receive('timeout', () => complain('The server does not answer.'));
}

async function present(room, file) {
  $('error').hidden = true;
  if (!file?.type.startsWith('image/')) return complain('Show a picture.');
  if (file.size > MAX_PICTURE_BYTES) return complain('A picture has at most 990 kB.');
  const bytes = await file.arrayBuffer();
  room.push('picture', bytes).receive('ok', () => picture(bytes, true));
}

/** Called as often as you like, it calls once in `ms`. */
function sparing(ms, call) {
  let next = 0;
  return () => {
    if (Date.now() < next) return;
    next = Date.now() + ms;
    call();
  };
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
  const made = element('span', 'avatar', [...name][0].toUpperCase());
  made.style.setProperty('--hue', hue);
  made.setAttribute('aria-hidden', 'true');
  return made;
}

function show(state, label) {
  $('status').dataset.state = state;
  $('status').textContent = label;
}

function showPeople(names) {
  $('count').textContent = names.length || '';
  $('people').replaceChildren(...names.map((name) => element('li', '', avatar(name), name)));
}

function said(name, text, isMine) {
  const by = element('span', 'by', element('b', '', name));
  const item = element('li', 'said', by, avatar(name), element('span', 'text', text));
  item.dataset.name = name;
  item.classList.toggle('mine', isMine);
  item.classList.toggle('same', log.lastElementChild?.dataset.name === name);
  add(item);
}

/** Bytes and nothing else: nobody says whose they are. */
async function picture(bytes, isMine) {
  const image = new Image();
  image.alt = 'a picture';
  image.src = URL.createObjectURL(new Blob([bytes]));
  // With its height, which the log scrolls by.
  await image.decode().catch(() => {});
  const item = element('li', 'said', image);
  item.classList.toggle('mine', isMine);
  add(item);
}

function note(words) {
  add(element('li', 'note', words));
}

function add(item) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  log.append(item);
  if (atEnd) log.scrollTop = log.scrollHeight;
  $('typing').textContent = '';
}

let silence;

function typing(user) {
  $('typing').textContent = `${user} is typing …`;
  clearTimeout(silence);
  silence = setTimeout(() => ($('typing').textContent = ''), 3_000);
}

function complain(words) {
  $('error').textContent = words;
  $('error').hidden = false;
}

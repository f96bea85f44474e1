const LABELS = {
  connecting: ['Connecting', ''],
  waiting: ['Not connected yet', '· draw on, it is merged later'],
  open: ['Connected', ''],
  restarting: ['Server restarts', '· draw on, it is merged later'],
  lost: ['Reconnecting', '· draw on, it is merged later'],
  offline: ['Offline', '· draw on, it is merged later'],
  full: ['This board is full', '· open a new one'],
  refused: ['Disconnected', '· reload the page'],
};

/** Why a connection has ended, as far as whoever draws wants to know. */
const ENDS = { 1012: 'restarting', 4413: 'full', 4400: 'refused', 4429: 'refused' };

/** Says how the connection is. y-websocket makes a new one by itself, and then both sides tell what the other has missed. */
export function showStatus(provider) {
  const status = document.querySelector('#status');
  const [label, advice] = status.children;
  let isOpen = false;

  const show = (state) => {
    status.dataset.state = state;
    [label.textContent, advice.textContent] = LABELS[state];
  };
  show('connecting');
  provider.on('sync', (isSynced) => {
    isOpen = isSynced;
    if (isSynced) show('open');
  });
  provider.on('connection-close', (event) => {
    // Another attempt that failed is no news.
    if (event && (isOpen || event.code in ENDS)) show(ENDS[event.code] ?? 'lost');
    else if (event && status.dataset.state === 'connecting') show('waiting');
    isOpen = false;
  });
  // The browser may take minutes to give up a socket whose network has gone.
  addEventListener('offline', () => {
    provider.disconnect();
    show('offline');
  });
  addEventListener('online', () => {
    provider.connect();
    show('lost');
  });
}

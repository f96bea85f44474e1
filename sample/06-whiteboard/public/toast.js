const SHOWN_FOR = 4_000;

let timer;

/** Says something for a moment, with a button for what can be done about it. */
export function toast(words, action) {
  const element = document.querySelector('#toast');
  const [text, button] = element.children;
  text.textContent = words;
  button.hidden = action === undefined;
  button.textContent = action?.label ?? '';
  button.onclick = () => {
    hideToast();
    action.run();
  };
  element.classList.add('shown');
  clearTimeout(timer);
  timer = setTimeout(hideToast, SHOWN_FOR);
}

export function hideToast() {
  document.querySelector('#toast').classList.remove('shown');
}

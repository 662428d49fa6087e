// What the reader does with keys and the page's own controls; and the beginning of it all.
'use strict';

function tokenForm(app) {
  const clear = location.protocol === 'http:' && !/^(localhost|127\.|\[::1\])/.test(location.hostname);
  return h('form', {class: 'card token', key: 'token', onsubmit: (event) => {
    event.preventDefault();
    app.daemon.setToken(byId('token').value.trim());
    app.load();
  }},
  h('h1', null, 'A token is needed'), app.wrongToken && note('bad', 'The daemon did not accept this token.'),
  h('p', null, 'It is what the file says that ', h('code', null, 'token_file'), ' of the daemon’s config names. It is kept until this tab is closed, and sent to this daemon only.'),
  clear && note('doubtful', 'This connection is not encrypted: whoever is between can read the token. A tunnel (ssh -L) or a proxy with TLS is safer.'),
  h('label', null, 'token ', h('input', {id: 'token', type: 'password', autocomplete: 'off', required: true})), ' ', h('button', null, 'Use it'));
}

// Rows of what is shown, by which the arrows go up and down.
function moveRow(step) {
  const rows = [...document.querySelectorAll('[data-row]')];
  if (rows.length === 0) return false;
  const at = rows.findIndex((one) => one.contains(document.activeElement));
  const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1)];
  (next.tagName === 'TR' || next.tagName === 'LI' ? next.querySelector('a, summary, button') : next)?.focus();
  return true;
}

function onAppKey(app, event) {
  if (event.ctrlKey || event.altKey || event.metaKey || byId('help').open) return;
  const query = byId('query');
  const typing = event.target.matches('input:not([type=checkbox]), select, textarea');
  if (event.key === 'Escape' && event.target === query) {
    query.value = '';
    onQuery(app);
    byId('content').focus();
  } else if (event.target === query && event.key === 'ArrowDown') {
    if (!moveRow(1)) return;
  } else if (typing) {
    return;
  } else if (event.key === '/') {
    query.focus();
    query.select();
  } else if (event.key === '?') {
    byId('help').showModal();
  } else if (event.key === 'p') {
    app.pause();
  } else if (['1', '2', '3'].includes(event.key)) {
    app.go([[], ['verdicts'], ['flame']][Number(event.key) - 1]);
  } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    if (!moveRow(event.key === 'ArrowDown' ? 1 : -1)) return;
  } else {
    return;
  }
  event.preventDefault();
}

// While one types: filters the processes, or searches again.
function onQuery(app) {
  const view = app.route.path[0] ?? '';
  if (view !== '' && view !== 'search') return;
  app.go(app.route.path, {q: byId('query').value}, true);
}

function start() {
  const app = new App();
  window.addEventListener('hashchange', () => app.arrive());
  window.addEventListener('resize', () => app.redraw());
  document.addEventListener('visibilitychange', () => document.hidden ? clearTimeout(app.timer) : app.paused || app.load());
  document.addEventListener('keydown', (event) => onAppKey(app, event));
  byId('query').addEventListener('input', () => onQuery(app));
  byId('search').addEventListener('submit', (event) => {
    event.preventDefault();
    app.go(['search'], {q: byId('query').value});
  });
  byId('skip').addEventListener('click', (event) => {
    event.preventDefault();
    byId('content').focus();
  });
  byId('pause').addEventListener('click', () => app.pause());
  byId('forget').addEventListener('click', () => app.forget());
  byId('keys').addEventListener('click', () => byId('help').showModal());
  byId('query').value = app.route.parameters.get('q') ?? '';
  app.redraw();
  app.load();
}

if (typeof document !== 'undefined') start();

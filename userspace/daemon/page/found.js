// The view of what a search has found: processes, stacks, verdicts.
'use strict';

const mostSearched = 64;  // processes whose stacks are asked for
const mostFound = 50;     // of a kind, on the page

function foundProcesses(app, query) {
  const found = filterProcesses(app.all.processes, query);
  const unwatched = filterUnwatched(app.all.unwatched, query);
  if (found.length + unwatched.length === 0) return null;
  const watchedItem = (one) => h('li', {key: keyOf(one), 'data-row': true}, processLink(one, highlighted(one.service, query), ' ', highlighted(String(one.pid), query)), ' ',
    h('small', {class: 'command'}, highlighted(one.command, query)));
  const unwatchedItem = (one) => h('li', {key: 'u' + one.pid}, one.pid + ' ', highlighted(one.command, query), h('small', {class: 'bad'}, ' not watched: ', one.why));
  return h('section', {class: 'card'}, h('h2', null, 'Processes ', h('small', null, found.length + unwatched.length)),
    h('ul', {class: 'found'}, found.slice(0, mostFound).map(watchedItem), unwatched.slice(0, mostFound).map(unwatchedItem)));
}

function foundServices(app, query) {
  const words = wordsOf(query);
  const found = (app.services ?? []).filter((one) => hasWords([one.service, one.service_id, one.user].join(' '), words));
  if (found.length === 0) return null;
  return h('section', {class: 'card'}, h('h2', null, 'Services in the history ', h('small', null, found.length)),
    h('ul', {class: 'found'}, found.slice(0, mostFound).map((one) => h('li', {key: one.service_id, 'data-row': true}, h('a', {href: hashOf(['service', one.service_id])}, highlighted(one.service, query))))));
}

function foundStacks(processes, query) {
  const found = findStacks(processes, query);
  if (found.length === 0) return null;
  return h('section', {class: 'card'}, h('h2', null, 'Stacks ', h('small', null, found.length)),
    found.slice(0, mostFound).map(({stack, live, processes: having}) => h('article', {class: 'stack-found', key: stack.stack, 'data-row': true, tabindex: -1},
      h('h3', null, highlighted(topOf(stack), query), h('small', null, ' ', plural(live, 'coroutine'))),
      h('p', {class: 'faint small'}, 'stack ', h('code', null, highlighted(stack.stack, query)), ' in ', having.map(({process, live: its}, i) =>
        [i > 0 && ', ', processLink(process, process.service + ' ' + process.pid), ' (' + counted(its) + ')'])),
      stackList(stack.spawned_at, query))),
    found.length > mostFound && h('p', {class: 'faint'}, counted(found.length - mostFound), ' more are not shown.'));
}

function foundFindings(processes, query) {
  const found = findFindings(processes, query);
  if (found.length === 0) return null;
  return h('section', null, h('h2', null, 'Verdicts ', h('small', null, found.length)), found.slice(0, mostFound).map((one) => findingCard(one, {withProcess: true, query})));
}

const foundView = {
  title: (route) => 'Search: ' + (route.parameters.get('q') ?? ''),
  // Whose stacks are asked for again only if it was looked at since.
  async load(app, route) {
    if ((route.parameters.get('q') ?? '').trim() === '') return {processes: []};
    const processes = [];
    for (const one of app.all.processes.slice(0, mostSearched)) {
      const process = await app.oneProcess(one.pid, 10);
      if (process !== null) processes.push(process);
    }
    return {processes};
  },
  draw(app, route, {processes}) {
    const query = (route.parameters.get('q') ?? '').trim();
    if (query === '') return [h('h1', null, 'Search'), h('p', null, 'Type what functions, files, stacks, processes or verdicts have in them, all words in any order.')];
    const left = app.all.processes.length - processes.length;
    const parts = [foundProcesses(app, query), foundServices(app, query), foundStacks(processes, query), foundFindings(processes, query)];
    return [h('h1', null, 'Search: ', query),
      left > 0 && note('doubtful', 'Stacks of ', plural(left, 'process', 'processes'), ' were not searched: they are too many, or have ended.'),
      h('p', {class: 'faint'}, 'Of each process the daemon tells those stacks that are most, and those that became more; others are not found.'),
      parts.every((part) => part === null) ? h('p', {class: 'card'}, 'Nothing has that in it.') : parts];
  },
};

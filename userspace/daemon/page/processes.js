// The view of all processes of the host.
'use strict';

const processColumns = [
  {name: 'Service', sort: 'service'}, {name: 'PID', sort: 'pid', number: true}, {name: 'Live', sort: 'live', number: true},
  {name: 'Trend'}, {name: 'Growth', sort: 'growth', number: true}, {name: 'Seen', sort: 'completeness', number: true},
  {name: 'Faults', sort: 'faults'}, {name: 'Build', sort: 'build'},
];

const sortValues = {
  service: (one) => one.service, pid: (one) => one.pid, live: (one) => one.live, completeness: (one) => one.completeness,
  growth: (one, growth) => growth(one) ?? -Infinity, faults: (one) => one.withheld ? 0.5 : one.faults, build: (one) => one.build_id,
};

// What has faults first, unless the reader wants another order.
function sortedProcesses(processes, sort, growth) {
  const {by, down} = sort ?? {by: 'faults', down: true};
  const value = (one) => sortValues[by](one, growth);
  const order = (a, b) => a < b ? -1 : a > b ? 1 : 0;
  return [...processes].sort((a, b) => (down ? -1 : 1) * order(value(a), value(b)) || order(a.service, b.service) || a.pid - b.pid);
}

function trendCell(app, process) {
  const path = sparkline(app.memory.of(keyOf(process)).samples, 110, 26);
  if (path === '') return h('span', {class: 'faint'}, '—');
  return svg('svg', {class: 'spark', width: 110, height: 26, viewBox: '0 0 110 26', role: 'img', 'aria-label': 'trend since this page was opened'}, svg('path', {d: path}));
}

function processRow(app, process, query) {
  const growth = growthOf(app.memory.of(keyOf(process)).samples);
  return row(keyOf(process), processColumns, [
    [processLink(process, highlighted(process.service, query)), h('small', {class: 'command', title: process.command}, highlighted(shortCommand(process.command), query)),
      process.container !== '' && h('small', {class: 'command'}, 'container ', process.container.slice(0, 12))],
    [process.pid, process.inner_pid && h('small', null, ' (', process.inner_pid, ' inside)')],
    h('strong', null, counted(process.live)), trendCell(app, process),
    h('span', {class: growth > 0.05 ? 'growing' : ''}, rate(growth)), completenessCell(process), faultsCell(process),
    h('code', {title: process.build_id}, shortBuild(process.build_id)),
  ], {'data-row': true});
}

function hostFigures(processes, unwatched) {
  const live = processes.reduce((sum, one) => sum + one.live, 0);
  const faulty = processes.filter((one) => one.faults > 0 && !one.withheld).length;
  const withheld = processes.filter((one) => one.withheld).length;
  return h('dl', {class: 'figures'},
    figure('processes', counted(processes.length)), figure('coroutines', counted(live)),
    figure('with faults', counted(faulty), null, faulty > 0 ? 'bad' : ''),
    withheld > 0 && figure('verdicts withheld', counted(withheld), null, 'doubtful'),
    figure('not watched', counted(unwatched.length), null, unwatched.length > 0 ? 'doubtful' : ''));
}

function unwatchedPart(unwatched, query) {
  const shown = filterUnwatched(unwatched, query);
  if (shown.length === 0) return null;
  const columns = [{name: 'PID', number: true}, {name: 'Command'}, {name: 'Why it is not watched'}];
  return h('section', {class: 'card'}, h('h2', null, 'Not watched'),
    h('p', {class: 'faint'}, 'Processes with coroutines that the daemon can not watch. It tries again every minute.'),
    table('processes that are not watched', columns, shown.map((one) => row('u' + one.pid, columns,
      [one.pid, highlighted(shortCommand(one.command), query), highlighted(one.why, query)]))));
}

function servicesPart(app) {
  const services = app.services ?? [];
  if (services.length === 0) return null;
  const columns = [{name: 'Service'}, {name: 'User'}, {name: 'Live', number: true}, {name: 'Instances', number: true}, {name: 'Builds', number: true}, {name: 'Known since'}];
  return h('section', {class: 'card'}, h('h2', null, 'Services in the history'),
    table('services in the history', columns, services.map((one) => row(one.service_id, columns, [
      h('a', {href: hashOf(['service', one.service_id])}, one.service), one.user, counted(one.live), counted(one.instances), counted(one.builds), moment(one.from)]))));
}

const processesView = {
  title: () => 'Processes',
  load: async () => ({}),
  draw(app, route) {
    const {processes, unwatched} = app.all;
    const query = route.parameters.get('q') ?? '';
    const growth = (one) => growthOf(app.memory.of(keyOf(one)).samples);
    const shown = sortedProcesses(filterProcesses(processes, query), app.sort, growth);
    const onSort = (by) => app.change(() => app.sort = {by, down: app.sort?.by === by ? !app.sort.down : by !== 'service' && by !== 'build'});
    return [
      h('h1', null, 'Processes'),
      hostFigures(processes, unwatched),
      h('section', {class: 'card'},
        query !== '' && h('p', null, plural(shown.length, 'process', 'processes'), ' of ', counted(processes.length), ' with “', query, '” · ',
          h('a', {href: hashOf(['search'], {q: query})}, 'search functions and stacks for it'), ' · ', h('a', {href: hashOf([])}, 'show all')),
        shown.length > 0 && table('processes', processColumns, shown.map((one) => processRow(app, one, query)), {sort: app.sort ?? {by: 'faults', down: true}, onSort}),
        processes.length === 0 && h('p', null, 'No process with coroutines is watched yet. The daemon looks for new ones by itself.')),
      unwatchedPart(unwatched, query),
      servicesPart(app),
    ];
  },
};

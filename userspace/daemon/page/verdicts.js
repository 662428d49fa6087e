// The view of what is wrong, in all processes, and what may become so.
'use strict';

const verdictsView = {
  title: () => 'Verdicts',
  load: async (app) => app.daemon.json('/api/v1/verdicts'),
  draw(app, route, {verdicts}) {
    const withheld = app.all.processes.filter((one) => one.withheld);
    const unjudged = app.all.processes.filter((one) => !one.judged).length;
    return [
      h('h1', null, 'Verdicts'),
      withheld.length > 0 && note('bad', h('strong', null, 'Withheld '), 'of ', withheld.map((one, i) => [i > 0 && ', ', processLink(one, one.service + ' ' + one.pid)]),
        ': too little of them was seen, so what is below may be wrong, as may be that nothing is.'),
      unjudged > 0 && note('', plural(unjudged, 'process is', 'processes are'), ' not judged yet: that takes five looks, and five seconds.'),
      verdicts.length === 0 ? h('p', {class: 'card'}, 'Nothing is wrong in ', plural(app.all.processes.length, 'process', 'processes'), ', as far as was seen.')
        : h('p', {class: 'faint'}, plural(verdicts.length, 'verdict'), ' on ', plural(new Set(verdicts.map((one) => one.pid)).size, 'process', 'processes'),
          ', of ', counted(app.all.processes.length), ' that are watched.'),
      verdicts.map((one) => findingCard(one, {withProcess: true, level: 'h2'})),
    ];
  },
};

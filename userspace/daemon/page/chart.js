// Where the parts of a chart are, in pixels. Knows nothing of the page, so that a test can run it.
'use strict';

const chartMargin = {left: 52, right: 30, top: 22, bottom: 26};
const shortestChart = 10;  // seconds: a chart of less would be all noise

class Scale {
  // The axis begins at 0, or at the fewest that there were: then small changes of many can be seen.
  constructor(history, stacks, width, height, {fromZero = true, pid} = {}) {
    this.width = width;
    this.height = height;
    this.to = history.to;
    this.from = Math.min(history.from, history.to - shortestChart);
    this.ticks = valueTicks(fromZero ? 0 : lowestOf(history, pid), highestOf(history, stacks), 4);
    this.lowest = this.ticks[0];
    this.highest = this.ticks.at(-1);
  }
  get right() {
    return this.width - chartMargin.right;
  }
  get bottom() {
    return this.height - chartMargin.bottom;
  }
  x(time) {
    const part = (time - this.from) / (this.to - this.from);
    return chartMargin.left + Math.min(Math.max(part, 0), 1) * (this.right - chartMargin.left);
  }
  y(value) {
    const part = (value - this.lowest) / (this.highest - this.lowest);
    return this.bottom - part * (this.bottom - chartMargin.top);
  }
  timeAt(x) {
    const part = (x - chartMargin.left) / (this.right - chartMargin.left);
    return this.from + Math.min(Math.max(part, 0), 1) * (this.to - this.from);
  }
}

function rounded(number) {
  return Math.round(number * 10) / 10;
}

// One move a run: what is between two runs is not drawn. A run of one point is a dot, by its round ends.
function linePath(runs, scale) {
  return runs.map((run) => {
    const points = run.map(([time, value]) => rounded(scale.x(time)) + ' ' + rounded(scale.y(value)));
    return 'M' + points.join('L') + (points.length === 1 ? 'h0' : '');
  }).join('');
}

function areaPath(runs, scale) {
  return runs.map((run) => {
    const points = run.map(([time, value]) => rounded(scale.x(time)) + ' ' + rounded(scale.y(value)));
    const bottom = rounded(scale.bottom);
    return 'M' + rounded(scale.x(run[0][0])) + ' ' + bottom + 'L' + points.join('L') +
        'L' + rounded(scale.x(run.at(-1)[0])) + ' ' + bottom + 'Z';
  }).join('');
}

// A line without axes, for a row of a table: as wide and high as told. Not from 0, or growth by a tenth
// would be flat; but a hundredth of all is never made to look like much.
function sparkline(samples, width, height) {
  if (samples.length < 2) return '';
  const [first, last] = [samples[0].time, samples.at(-1).time];
  const lives = samples.map((one) => one.live);
  const [lowest, highest] = [Math.min(...lives), Math.max(...lives)];
  const range = Math.max(highest - lowest, highest / 100, 8);
  const base = Math.max(0, (lowest + highest - range) / 2);
  return 'M' + samples.map((one) => {
    const x = (one.time - first) / (last - first) * (width - 4) + 2;
    return rounded(x) + ' ' + rounded(height - 2 - (one.live - base) / range * (height - 4));
  }).join('L');
}

// How figures, times and places are written. Knows nothing of the page, so that a test can run it.
'use strict';

const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

// 1234567 as "1,234,567".
function counted(number) {
  return Math.round(number).toString().replace(/\B(?=(\d{3})+$)/g, ',');
}

function plural(number, one, more) {
  return counted(number) + ' ' + (number === 1 ? one : more ?? one + 's');
}

// With its sign: a change. Null: not known.
function rate(perSecond) {
  if (perSecond === null || perSecond === undefined) return '—';
  const size = Math.abs(perSecond);
  if (size < 0.005) return '0/s';
  const digits = size >= 1000 ? counted(size) : size >= 1 ? size.toFixed(1) : size.toFixed(2);
  return (perSecond > 0 ? '+' : '−') + digits + '/s';
}

// Never "100%" of what is not whole, nor "0%" of what is there.
function share(part) {
  if (part >= 1) return '100%';
  if (part > 0 && part < 0.0001) return '<0.01%';
  return Math.min(Math.floor(part * 10000) / 100, 99.99).toFixed(2) + '%';
}

function span(seconds) {
  if (seconds < 1) return Math.round(seconds * 1000) + ' ms';
  if (seconds < 60) return (seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)) + ' s';
  if (seconds < 3600) return Math.floor(seconds / 60) + ' min ' + Math.floor(seconds % 60) + ' s';
  const hours = Math.floor(seconds / 3600);
  if (hours < 48) return hours + ' h ' + Math.floor(seconds % 3600 / 60) + ' min';
  return Math.floor(hours / 24) + ' days ' + hours % 24 + ' h';
}

function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  for (; bytes >= 1024 && unit + 1 < units.length; unit++) bytes /= 1024;
  return (unit === 0 ? Math.round(bytes) : bytes.toFixed(1)) + ' ' + units[unit];
}

function two(number) {
  return String(number).padStart(2, '0');
}

// Of seconds after 1970, where the reader is.
function clock(unix, withSeconds = true) {
  const date = new Date(unix * 1000);
  return two(date.getHours()) + ':' + two(date.getMinutes()) + (withSeconds ? ':' + two(date.getSeconds()) : '');
}

function day(unix) {
  const date = new Date(unix * 1000);
  return date.getDate() + ' ' + monthNames[date.getMonth()];
}

function moment(unix) {
  return day(unix) + ' ' + clock(unix);
}

// Seconds after 1970 of what the daemon calls a time; null of anything else.
function unixOf(utc) {
  const ms = Date.parse(utc);
  return Number.isNaN(ms) ? null : ms / 1000;
}

function shortBuild(id) {
  return id === '' ? 'none' : id.slice(0, 8);
}

function fileName(path) {
  return path.slice(path.lastIndexOf('/') + 1);
}

// Of a command line, its program without folders, and the rest.
function shortCommand(command) {
  const [program, ...rest] = command.split(' ');
  return [fileName(program), ...rest].join(' ');
}

function placeOf(frame) {
  if (!frame.file) return '';
  return fileName(frame.file) + (frame.line ? ':' + frame.line : '');
}

// The causes of losses that are not 0, as [cause, how many].
function lossesOf(losses, prefix = '') {
  const found = [];
  for (const [cause, value] of Object.entries(losses ?? {})) {
    const name = prefix + cause.replaceAll('_', ' ');
    if (typeof value === 'object' && value !== null) found.push(...lossesOf(value, name + ': '));
    else if (value > 0) found.push([name, value]);
  }
  return found;
}

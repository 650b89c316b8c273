// Rate against quality: experiments as points, the baseline as a line.
"use strict";
async function drawChart() {
  const place = document.getElementById("chart");
  if (!place || !window.uPlot) return;
  const { experiments, baseline } = await (await fetch("/points")).json();
  const all = [...experiments, ...baseline].sort((a, b) => a.bitrate_mbps - b.bitrate_mbps);
  const line = new Set(baseline), mark = place.dataset.mark;
  const pick = (test) => all.map((each) => (test(each) ? each.psnr_db : null));
  const points = (label, color) => ({ label, stroke: color, paths: () => null, points: { show: true, size: 8, fill: color } });
  const series = [{ label: "Mbit/s", value: (_, v) => (v == null ? "" : v.toFixed(4)) }, points("experiments", "#2563a8"),
    { label: "baseline", stroke: "#c2571a", width: 2, spanGaps: true, points: { show: true, size: 6 } }];
  const data = [all.map((each) => each.bitrate_mbps), pick((each) => !line.has(each)), pick((each) => line.has(each))];
  if (mark) { series.push(points("this one", "#b3261e")); data.push(pick((each) => each.experiment_id === mark)); }
  place.replaceChildren();
  place.dataset.points = all.length;
  if (!all.length) { place.textContent = "Nothing has completed yet."; return; }
  const around = (_, low, high) => [Math.floor(low - 1), Math.ceil(high + 1)];
  new uPlot({ width: place.clientWidth, height: 280, scales: { x: { time: false, distr: all.length > 1 ? 3 : 1 }, y: { range: around } },
    axes: [{ label: "Mbit/s" }, { label: "PSNR-Y, dB" }], series }, data, place);
}
document.addEventListener("DOMContentLoaded", drawChart);

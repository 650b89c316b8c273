// Rate against quality of the experiments of a clip, and the stored baseline of the same clip as a line.
"use strict";
let drawChart = () => {};
document.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("chart"), choice = document.getElementById("clip"), deltas = document.getElementById("deltas");
  if (!place) return;
  const { element } = Charts, mark = place.dataset.mark;
  let clips = [], seen = "";
  const percent = (value) => `${value > 0 ? "+" : "−"}${Math.abs(value).toFixed(1)} %`;

  function draw() {
    const clip = clips.find((each) => each.clip === (choice ? choice.value : place.dataset.clip)) || clips[0];
    const groups = [{ label: "experiments", color: "--ink1" }, { label: "baseline", color: "--ink2", line: true }];
    if (mark) groups.push({ label: "this one", color: "--bad", size: 11 });
    const point = (each, group) => ({
      x: each.bitrate_mbps, y: each.psnr_db, group: each.experiment_id === mark ? 2 : group, name: each.experiment_id,
      text: [
        each.experiment_id + (each.campaign ? ` (${each.campaign})` : ""),
        `${each.bitrate_mbps.toPrecision(4)} Mbit/s, ${each.psnr_db.toFixed(2)} dB${each.ssim == null ? "" : `, SSIM ${each.ssim.toFixed(4)}`}`,
        ...(each.against == null ? [] : [`${percent(each.against)} bits against the baseline at equal PSNR`]),
      ],
    });
    const points = clip ? [...clip.experiments.map((each) => point(each, 0)), ...clip.baseline.map((each) => point(each, 1))] : [];
    Charts.scatter(place, {
      points, groups, x: "Mbit/s", y: "PSNR-Y, dB", height: 300,
      pick: (each) => { location.href = `/experiments/${encodeURIComponent(each.name)}`; },
    });
    if (!deltas) return;
    const rows = clip ? clip.bd_rates : [];
    deltas.hidden = !rows.length;
    deltas.tBodies[0].replaceChildren(...rows.map((each) => {
      const row = element("tr");
      row.append(element("td", "", each.campaign || "(no campaign)"), element("td", "n", percent(each.percent)), element("td", "n", String(each.points)));
      return row;
    }));
  }

  drawChart = async () => {
    const answer = await fetch("/points");
    if (!answer.ok) return;
    const text = await answer.text();
    if (text === seen) return;
    seen = text;
    clips = JSON.parse(text).clips;
    if (choice) {
      const before = choice.value;
      choice.replaceChildren(...clips.map((each) => {
        const option = element("option", "", `${each.name || "clip"} ${each.clip.slice(0, 8)}`);
        option.value = each.clip;
        return option;
      }));
      if (clips.some((each) => each.clip === before)) choice.value = before;
      choice.closest("label").hidden = clips.length < 2;
    }
    draw();
  };
  if (choice) choice.addEventListener("input", draw);
  drawChart();
});

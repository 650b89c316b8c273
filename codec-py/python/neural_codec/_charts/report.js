// The report of one encode: its charts and its table, from the data in the page.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const kept = document.getElementById("report-data");
  if (!kept) return;
  const data = JSON.parse(kept.textContent), { element } = Charts;
  document.querySelectorAll(".report .needs-script").forEach((each) => each.remove());
  // Without a rate, as where it varies, frames are all that is known.
  const seconds = (frame) => frame / (data.fps ?? 1);
  const scenes = data.scenes.map((scene, index) => ({
    from: seconds(scene.first), to: seconds(scene.first + scene.frames), label: `scene ${index}`, image: scene.image,
  }));
  const along = document.getElementById("along"), rd = document.getElementById("attempts");
  const real = (values, by) => values.map((value) => (value == null ? null : value / by));
  // A value of each scene, at every point along time.
  const spread = (means) => {
    let scene = 0;
    return data.frames.map((frame) => {
      while (scene + 1 < data.scenes.length && frame >= data.scenes[scene + 1].first) scene++;
      return means[scene];
    });
  };
  const line = Charts.timeline(along, {
    times: data.frames.map(seconds), frames: data.frames, scenes, inFrames: data.fps == null,
    charts: data.series.map((each) => ({ ...each, values: real(each.values, each.by), means: each.means && spread(each.means) })),
  });
  document.querySelectorAll("[data-scene-of]").forEach((button) => button.addEventListener("click", () => {
    line.only(button.dataset.sceneOf);
    draw(Number(button.dataset.sceneOf));
    along.scrollIntoView({ block: "nearest" });
  }));
  const whole = document.getElementById("whole"), choice = document.getElementById("scene-choice");
  whole.addEventListener("click", line.whole);
  data.scenes.forEach((_, index) => {
    const option = element("option", "", `scene ${index}`);
    option.value = index;
    choice.append(option);
  });
  choice.addEventListener("input", () => draw(choice.value === "" ? null : Number(choice.value)));
  choice.closest("label").hidden = data.scenes.length < 2;

  function draw(scene) {
    choice.value = scene ?? "";
    const shown = data.attempts.filter((each) => scene == null || each.scene === scene);
    const groups = [
      { label: "attempt", color: "--ink1", size: 7 },
      { label: "attempt on a part of the scene", color: "--soft", size: 6, hollow: true },
      { label: "stored", color: "--ink2", size: 11 },
    ];
    const points = shown.map((each) => ({
      x: each.rate, y: each.psnr, group: each.stored ? 2 : each.part ? 1 : 0, scene: each.scene,
      text: [
        `scene ${each.scene}, ${each.stage}${each.stored ? ", stored" : ""}`,
        `quantizer ${each.quantizer}, preset ${each.preset}`,
        `${Charts.short(each.rate)} bits a frame, ${each.psnr == null ? "lossless" : each.psnr.toFixed(2) + " dB"}${each.ssim == null ? "" : ", SSIM " + each.ssim.toFixed(4)}`,
        ...(each.tools && each.tools !== "default" ? [each.tools] : []),
      ],
    }));
    const used = groups.map((_, at) => points.some((point) => point.group === at));
    const order = groups.map((_, at) => at).filter((at) => used[at]);
    Charts.scatter(rd, {
      points: points.map((point) => ({ ...point, group: order.indexOf(point.group) })), groups: order.map((at) => groups[at]),
      x: "bits a frame", y: "PSNR-Y, dB", pick: (point) => draw(scene == null && data.scenes.length > 1 ? point.scene : null),
    });
  }
  draw(null);
  document.querySelectorAll("table.sorts").forEach(Charts.sortable);
});

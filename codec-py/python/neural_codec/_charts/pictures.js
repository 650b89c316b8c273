// Two pictures of one size that are compared: by a slider, one at a time, or by their difference with its scale.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const { element } = Charts;
  // The same steps as in _pictures.py.
  const RAMP = [[0, 0, 4], [81, 18, 124], [183, 55, 121], [252, 137, 97], [252, 253, 191]];
  const ink = (share) => {
    const place = Math.min(1, share) * (RAMP.length - 1), low = Math.min(RAMP.length - 2, Math.floor(place)), rest = place - low;
    return RAMP[low].map((value, channel) => value + (RAMP[low + 1][channel] - value) * rest);
  };
  let count = 0;

  function labelled(text, control) {
    const label = element("label", "", text + " ");
    label.append(control);
    return label;
  }

  function chosen(options, start) {
    const select = element("select");
    options.forEach(([value, text]) => {
      const option = element("option", "", text);
      option.value = value;
      option.selected = value === start;
      select.append(option);
    });
    return select;
  }

  function paint(canvas, legend, before, after, gain) {
    const width = (canvas.width = before.naturalWidth), height = (canvas.height = before.naturalHeight);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const read = (image) => { context.drawImage(image, 0, 0); return context.getImageData(0, 0, width, height).data; };
    const a = read(before), b = read(after), out = context.createImageData(width, height);
    for (let at = 0; at < a.length; at += 4) {
      const most = Math.max(Math.abs(a[at] - b[at]), Math.abs(a[at + 1] - b[at + 1]), Math.abs(a[at + 2] - b[at + 2]));
      const [red, green, blue] = ink((most * gain) / 255);
      out.data.set([red, green, blue, 255], at);
    }
    context.putImageData(out, 0, 0);
    const [bar, low, high] = legend.children, scale = bar.getContext("2d");
    for (let x = 0; x < bar.width; x++) {
      scale.fillStyle = `rgb(${ink(x / (bar.width - 1)).map(Math.round).join(",")})`;
      scale.fillRect(x, 0, 1, bar.height);
    }
    low.textContent = "0";
    high.textContent = `${(255 / gain).toFixed(gain > 16 ? 1 : 0)} levels of 255 or more`;
  }

  document.querySelectorAll(".pair").forEach((figure) => {
    const stage = figure.querySelector(".stage"), [before, after] = stage.querySelectorAll("img");
    const canvas = element("canvas"), edge = element("div", "edge"), legend = element("div", "legend");
    const bar = element("canvas");
    [bar.width, bar.height] = [160, 10];
    legend.append(bar, element("span"), element("span"));
    const slide = element("input");
    Object.assign(slide, { type: "range", min: 0, max: 1000, value: 500 });
    slide.setAttribute("aria-label", "How much of the source is shown, from the left");
    const view = chosen([["slide", "slider"], ["source", "source"], ["result", "result"], ["difference", "difference"]], "slide");
    const zoom = chosen([["0", "to fit"], ["1", "1:1"], ["2", "2:1"], ["4", "4:1"]], "1");
    const gain = chosen([["1", "×1"], ["2", "×2"], ["4", "×4"], ["8", "×8"], ["16", "×16"], ["32", "×32"]], "8");
    const controls = element("div", "controls");
    controls.append(labelled("view", view), labelled("scale", zoom), labelled("difference", gain), slide);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "How much source and result differ");
    stage.append(canvas, edge);
    stage.after(legend);
    stage.before(controls);
    stage.id = `pair${count++}`;
    figure.classList.add("on");
    function renew() {
      const share = slide.value / 1000, by = Number(zoom.value) || Math.min(1, figure.clientWidth / before.naturalWidth);
      const size = (value) => `${value * by}px`;
      for (const each of [before, after, canvas]) [each.style.width, each.style.height, each.style.imageRendering] = [size(before.naturalWidth), size(before.naturalHeight), by < 1 ? "auto" : "pixelated"];
      [stage.style.width, stage.style.height] = [size(before.naturalWidth), size(before.naturalHeight)];
      const now = view.value, sliding = now === "slide";
      before.style.clipPath = sliding ? `inset(0 ${(1 - share) * 100}% 0 0)` : "none";
      before.hidden = !(sliding || now === "source");
      after.hidden = !(sliding || now === "result");
      canvas.hidden = legend.hidden = now !== "difference";
      gain.disabled = now !== "difference";
      edge.hidden = !sliding;
      slide.disabled = !sliding;
      edge.style.left = `${share * 100}%`;
      if (now === "difference") paint(canvas, legend, before, after, Number(gain.value));
    }
    [slide, view, zoom, gain].forEach((each) => each.addEventListener("input", renew));
    const drag = (event) => {
      if (view.value !== "slide" || (event.type === "pointermove" && !event.buttons)) return;
      const box = stage.getBoundingClientRect();
      slide.value = ((event.clientX - box.left) / box.width) * 1000;
      renew();
    };
    ["pointerdown", "pointermove"].forEach((name) => stage.addEventListener(name, drag));
    const start = () => {
      if (before.naturalWidth > figure.clientWidth) zoom.value = "0";
      renew();
    };
    addEventListener("resize", renew);
    Promise.all([before.decode(), after.decode()]).then(start, start);
  });
});

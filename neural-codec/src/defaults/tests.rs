use super::*;

fn change(key: &str, value: Json) -> BTreeMap<String, Json> {
    BTreeMap::from([(key.to_owned(), value)])
}

#[test]
fn the_embedded_file_has_every_constant_and_no_other() {
    let found = flat(include_str!("defaults.toml")).unwrap();
    let known: BTreeMap<String, Json> =
        Defaults::default().constants().into_iter().map(|each| (each.key.to_owned(), each.value)).collect();
    assert_eq!(found.keys().collect::<Vec<_>>(), known.keys().collect::<Vec<_>>());
    let same = |a: &Json, b: &Json| a == b || a.as_f64().is_some() && a.as_f64() == b.as_f64();
    assert!(found.iter().all(|(key, value)| same(value, &known[key])));
}

#[test]
fn the_embedded_values_are_those_that_streams_were_tested_with() {
    // As they stood in the code of version 0.1.0 before there was a table: the same text, the same bytes.
    let Defaults {
        effort,
        search,
        most_above,
        steering,
        forecast,
        rate,
        clip_floor,
        photo,
        filter,
        tune,
        wiener,
        training,
        classes,
    } = Defaults::default();
    assert_eq!(effort.presets, [12, 10, 8, 6, 5, 4, 3, 2, 2, 1]);
    assert_eq!(effort.old_presets, [12, 11, 10, 9, 8, 6, 5, 4, 3, 2]);
    assert_eq!(effort.slack, [1.0, 1.0, 1.0, 1.5, 1.5, 1.5, 1.0, 1.0, 0.6, 1.0]);
    assert_eq!((effort.chooses_tools_from, effort.ten_bits_from, effort.probe_preset), (3, 3, 10));
    assert_eq!((effort.pilot_preset, effort.old_pilot_preset), (7, 8));
    assert_eq!((effort.pilots_from, effort.fast_pilots_from), (1, 3));
    assert_eq!((search.target_margin, search.sampled_margin, search.steered_margin), (0.06, 0.1, 0.02));
    assert_eq!((search.corrected_margin, search.corrected_share), (0.03, 0.2));
    assert_eq!((search.most_located, search.far, search.far_position), (3, 0.9, 6.0));
    assert_eq!((search.first_quantizer, search.worth_another, search.most_corrections), (55, 0.06, 3));
    assert_eq!((search.part_frames, search.log_bytes_per_db), (33, 0.28));
    assert_eq!((search.sampled_quantizers, search.sampled_frames), ([20.0, 63.0], 33));
    let MostAbove { psnr_y, ssim_y, ms_ssim_y, ssimulacra2, vmaf, xpsnr_y } = most_above;
    assert_eq!([psnr_y, ssim_y, ms_ssim_y, ssimulacra2, vmaf, xpsnr_y], [0.3, 0.0021, 0.001, 1.0, 0.4, 0.3]);
    assert_eq!((steering.every, steering.least_left), (16, 8));
    assert_eq!((steering.trusted_frames, steering.sampled_trusted_frames), (8.0, 150.0));
    assert_eq!(steering.most_moved, 6.0);
    assert_eq!((forecast.knee, forecast.over_probe, forecast.least_over_probe), (50.0, [1.24, 0.063], 0.25));
    let slow = [0.5, 0.44];
    let over_pilot = [slow, slow, slow, [0.38, 0.26], [0.29, 0.26], [0.13, 0.14], [0.0, 0.03]];
    let more_by_motion = [[0.0; 2], [0.0; 2], [0.0; 2], [0.4, 1.7], [0.0; 2], [0.0; 2], [0.0; 2]];
    assert_eq!((forecast.more_by_motion, forecast.most_motion), (more_by_motion, 0.2));
    assert_eq!((forecast.over_pilot, forecast.over_fast_pilot), (over_pilot, [0.56, 0.58]));
    assert_eq!(forecast.over_sample, [1.1, 1.11]);
    assert_eq!((rate.located_quantizer, rate.bytes_a_preset, rate.error_a_preset), (44, 0.97, 0.96));
    assert_eq!((rate.reserve, rate.most_corrections), (0.03, 4));
    assert_eq!((rate.well_used, rate.well_used_corrected), (0.93, 0.9));
    assert_eq!((clip_floor.margin, clip_floor.corrected_margin), (0.1, 0.07));
    assert_eq!((clip_floor.corrected_share, clip_floor.most_corrections), (0.1, 5));
    assert_eq!(photo.presets, [10, 9, 8, 7, 6, 4, 3, 2, 1, 0]);
    assert_eq!((photo.still_from_effort, photo.still_pixels), (9, 3_000_000));
    assert_eq!((photo.locate_preset, photo.stored_at_once_from), (8, 7));
    assert_eq!((photo.filtered_from_effort, photo.filter_worth), (3, 0.02));
    assert_eq!((photo.still_filters, photo.still_filter_gain), ([18, 24, 30, 36], 0.12));
    assert_eq!((photo.libaom_from_effort, photo.libaom_locate_speed, photo.libaom_near), (3, 6, 0.04));
    assert_eq!(photo.libaom_speeds, [9, 9, 8, 6, 2, 1, 0, 0, 0, 0]);
    assert_eq!(photo.libaom_perception_speeds, [9, 9, 8, 6, 5, 4, 2, 1, 0, 0]);
    assert_eq!((photo.slope, photo.size_slope, photo.near, photo.size_near), (0.07, 0.03, 0.01, 0.002));
    assert_eq!((photo.located_near, photo.located_width, photo.most_attempts), (4.0, 8, 14));
    assert_eq!((photo.longer, photo.halved_every), (1.5, 3));
    assert_eq!((filter.from_effort, filter.layers), (10, [3; 10]));
    assert_eq!(filter.steps, [400, 400, 400, 800, 1200, 2000, 4000, 4000, 8000, 8000]);
    assert_eq!(filter.passes, [3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 6.0, 6.0, 6.0, 6.0]);
    assert_eq!((filter.fewest_steps, filter.expected_gain), (200, [0.1, 0.04]));
    assert_eq!(filter.chroma_at_a_floor, 0.2);
    assert_eq!((filter.bytes_for_all_steps, filter.least_share, filter.least_bytes), (100_000, 0.2, 3_000));
    assert_eq!((filter.patches_a_step, filter.fewest_patches, filter.most_patches), (0.25, 256, 3072));
    assert_eq!((filter.frames_looked_at, filter.dearer, filter.worth), (128, 2.0, 0.001));
    assert_eq!((filter.ssim_slack, filter.most_runs), (0.005, 2));
    assert_eq!((tune.from_effort, tune.slack), (3, [0.3, 0.7, 1.5]));
    assert_eq!((tune.quantizers, tune.vmaf_quantizers), ([30.0, 61.0], [1.0, 61.0]));
    assert_eq!(tune.contrast_gain, [0.1, 0.27, 0.25, 0.8, 0.1]);
    assert_eq!(tune.structure_gain, [-0.55, -0.2, -0.06, -0.4, -0.25]);
    assert_eq!((wiener.from_effort, wiener.expected_gain, wiener.samples), (4, [0.09, 0.06], 2_000_000));
    assert_eq!((wiener.far_from_effort, wiener.far_expected_gain), (6, [0.105, 0.07]));
    assert_eq!(wiener.far_samples, 8_000_000);
    assert_eq!((wiener.sharpening, wiener.least_bytes, wiener.worth), (3, 1_500, 0.0005));
    assert_eq!((training.batch, training.gains_alone_rate, training.rounded_rate), (4, 1e-2, 0.5));
    assert_eq!((training.weights_rate, training.gains_rate, training.first_unit_bits), (6e-3, 8e-3, 5.0));
    assert_eq!((training.alike, training.shorter), (0.8, 2));
    assert_eq!((training.first_weight_step, training.weight_steps), (3, [3, 4]));
    let ClassLimits {
        synthetic_top_values,
        synthetic_hard_edges,
        static_changed_blocks,
        static_temporal,
        ..
    } = classes;
    assert_eq!([synthetic_top_values, synthetic_hard_edges], [0.35, 0.1]);
    assert_eq!([static_changed_blocks, static_temporal], [0.005, 1.2]);
    assert_eq!([classes.head_face_skin, classes.head_face_to_sides, classes.head_motion], [0.35, 2.0, 0.1]);
    assert_eq!([classes.head_changed_blocks, classes.head_camera, classes.head_temporal], [0.45, 0.1, 10.0]);
    assert_eq!([classes.high_motion, classes.high_motion_of_much, classes.high_temporal], [0.12, 0.08, 20.0]);
    assert_eq!([classes.calm_changed_blocks, classes.calm_motion], [0.03, 0.005]);
}

#[test]
fn every_table_reads_what_it_writes() {
    let changes = change("training.weights_rate", Json::from(0.0123));
    let defaults = Defaults::default().with(&changes).unwrap();
    assert_eq!(defaults.changes(), changes);
    assert_eq!(defaults.changes_to_toml(), "[training]\nweights_rate = 0.0123\n");
    for text in [defaults.to_toml(), defaults.changes_to_toml()] {
        assert_eq!(Defaults::from_toml(&text).unwrap(), defaults);
    }
    assert_ne!(defaults.hash(), Defaults::default().hash());
    assert_eq!(Defaults::from_toml("").unwrap().hash(), Defaults::default().hash());
    assert!(Defaults::default().changes().is_empty());
}

#[test]
fn the_ends_of_every_range_are_taken_and_what_lies_beyond_is_named() {
    for Constant { key, value, low, high, is_whole, .. } in Defaults::default().constants() {
        let all = |number: f64| {
            let one = if is_whole { Json::from(number as i64) } else { Json::from(number) };
            fn filled(like: &Json, one: &Json) -> Json {
                like.as_array()
                    .map_or_else(|| one.clone(), |list| list.iter().map(|each| filled(each, one)).collect())
            }
            filled(&value, &one)
        };
        let mut defaults = Defaults::default();
        for inside in [low, high] {
            assert!(defaults.put(key, &all(inside)).is_ok(), "{key} {inside}");
        }
        for outside in [low - 1.0, high + 1.0] {
            let message = defaults.put(key, &all(outside)).unwrap_err().to_string();
            let range = format!("from {low} to {high}");
            assert!(
                [key, &range, &outside.to_string()].iter().all(|part| message.contains(*part)),
                "{message}"
            );
        }
        for other in [Json::Null, Json::from("x"), Json::from(true), Json::from(vec![1.0])] {
            assert!(defaults.put(key, &other).is_err(), "{key} {other}");
        }
    }
}

#[test]
fn what_no_table_can_have_is_named() {
    for (text, named) in [
        ("[search]\nmargin = 1\n", "search.margin"),
        ("[serch]\nfar = 1\n", "serch.far"),
        ("far = 1\n", "one of effort, search"),
        ("[search]\nfar = nan\n", "search.far"),
        ("[search]\nmost_located = 2.5\n", "a whole number"),
        ("[search]\nfirst_quantizer = 2026-01-01\n", "search.first_quantizer"),
        ("[effort]\npresets = [1, 2]\n", "a list of 10"),
        ("[effort.presets]\na = 1\n", "effort.presets"),
        ("[effort]\npresets = [12, 10, 8, 6, 5, 4, 3, 2, 1, 2]\n", "effort.presets"),
        ("[photo]\npresets = [10, 9, 8, 7, 6, 4, 3, 2, 1, 2]\n", "photo.presets"),
        ("[filter]\nfewest_patches = 4000\n", "filter.fewest_patches"),
        ("[training]\nweight_steps = [5, 2]\n", "training.weight_steps"),
        ("[search\n", "TOML"),
        (&"#".repeat(LONGEST_TEXT + 1), "at most 65536 bytes"),
    ] {
        let message = Defaults::from_toml(text).unwrap_err().to_string();
        assert!(message.starts_with("defaults") && message.contains(named), "{message}");
    }
}

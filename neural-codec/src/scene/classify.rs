//! From the values of a profile to the class of its scene. Last step of the profile.

use super::class::{Evidence, SceneClass};
use super::profile::Profile;

/// Gives a profile its class; the first rule that holds decides.
///
/// The limits were set by eye on real clips; see docs/PROFILES.md for where each of them falls.
pub(super) fn classify(p: &Profile) -> Evidence {
    let evidence = |class, reason: String| Evidence { class, reason };
    let change =
        format!("{:.0} % of blocks change, motion {:.2} widths/s", 100.0 * p.changed_blocks, p.motion);
    if p.top_values >= 0.35 && p.hard_edges >= 0.1 {
        let top = 100.0 * p.top_values;
        let hard = 100.0 * p.hard_edges;
        let reason =
            format!("four values cover {top:.0} % of the picture, {hard:.0} % of steps are hard edges");
        return evidence(SceneClass::Synthetic, reason);
    }
    if p.changed_blocks < 0.005 && p.temporal_information.mean < 1.2 {
        return evidence(SceneClass::Static, change);
    }
    let has_face = p.face_skin >= 0.35 && p.face_skin >= 2.0 * p.side_skin;
    let is_calm = p.motion < 0.1 && p.changed_blocks < 0.45 && p.global_motion * p.changed_blocks < 0.1;
    if has_face && is_calm && p.temporal_information.mean < 10.0 {
        let (face, sides) = (100.0 * p.face_skin, 100.0 * p.side_skin);
        let reason =
            format!("skin colors fill {face:.0} % of the upper middle, {sides:.0} % of the sides; {change}");
        return evidence(SceneClass::TalkingHead, reason);
    }
    if p.motion >= 0.12 || (p.motion >= 0.08 && p.temporal_information.mean >= 20.0) {
        return evidence(SceneClass::HighMotion, change);
    }
    if p.changed_blocks < 0.03 && p.motion < 0.005 {
        return evidence(SceneClass::Static, change);
    }
    evidence(SceneClass::ModerateMotion, change)
}

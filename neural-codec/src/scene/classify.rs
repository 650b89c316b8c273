//! From the values of a profile to the class of its scene. Last step of the profile.

use super::class::{Evidence, SceneClass};
use super::profile::Profile;
use crate::defaults::ClassLimits;

/// Gives a profile its class; the first rule that holds decides.
///
/// `docs/PROFILES.md` says where each limit falls.
pub(super) fn classify(p: &Profile, limits: &ClassLimits) -> Evidence {
    let evidence = |class, reason: String| Evidence { class, reason };
    let change =
        format!("{:.0} % of blocks change, motion {:.2} widths/s", 100.0 * p.changed_blocks, p.motion);
    if p.top_values >= limits.synthetic_top_values && p.hard_edges >= limits.synthetic_hard_edges {
        let top = 100.0 * p.top_values;
        let hard = 100.0 * p.hard_edges;
        let reason =
            format!("four values cover {top:.0} % of the picture, {hard:.0} % of steps are hard edges");
        return evidence(SceneClass::Synthetic, reason);
    }
    if p.changed_blocks < limits.static_changed_blocks && p.temporal_information.mean < limits.static_temporal
    {
        return evidence(SceneClass::Static, change);
    }
    let has_face =
        p.face_skin >= limits.head_face_skin && p.face_skin >= limits.head_face_to_sides * p.side_skin;
    let is_calm = p.motion < limits.head_motion
        && p.changed_blocks < limits.head_changed_blocks
        && p.global_motion * p.changed_blocks < limits.head_camera;
    if has_face && is_calm && p.temporal_information.mean < limits.head_temporal {
        let (face, sides) = (100.0 * p.face_skin, 100.0 * p.side_skin);
        let reason =
            format!("skin colors fill {face:.0} % of the upper middle, {sides:.0} % of the sides; {change}");
        return evidence(SceneClass::TalkingHead, reason);
    }
    let changes_much = p.temporal_information.mean >= limits.high_temporal;
    if p.motion >= limits.high_motion || (p.motion >= limits.high_motion_of_much && changes_much) {
        return evidence(SceneClass::HighMotion, change);
    }
    if p.changed_blocks < limits.calm_changed_blocks && p.motion < limits.calm_motion {
        return evidence(SceneClass::Static, change);
    }
    evidence(SceneClass::ModerateMotion, change)
}

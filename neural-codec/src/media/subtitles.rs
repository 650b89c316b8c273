//! Text of subtitles from one codec's packets to another's. Words and line breaks are kept; styles are not.

/// The packet of `to` that shows the text of a packet of `from`; `None` for codecs that are not text.
pub(super) fn converted(data: &[u8], from: &str, to: &str) -> Option<Vec<u8>> {
    if from == to {
        return Some(data.to_vec());
    }
    let text = plain_text(data, from)?;
    match to {
        "subrip" | "text" => Some(text.into_bytes()),
        // Marks and references begin with these (WebVTT, clause 4.2.2).
        "webvtt" => Some(text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").into_bytes()),
        "mov_text" => {
            let mut end = text.len().min(usize::from(u16::MAX));
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            // A 16-bit length, the text, and no boxes of styles (3GPP TS 26.245).
            let mut packet = (end as u16).to_be_bytes().to_vec();
            packet.extend_from_slice(&text.as_bytes()[..end]);
            Some(packet)
        }
        _ => None,
    }
}

/// Whether a change of codec costs styles.
pub(super) fn loses_styles(from: &str, to: &str) -> bool {
    from != to && matches!(from, "ass" | "ssa" | "mov_text" | "webvtt" | "subrip" | "srt")
}

fn plain_text(data: &[u8], codec: &str) -> Option<String> {
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes).replace("\r\n", "\n").trim_end_matches(['\0', '\n']).to_owned()
    };
    match codec {
        "text" => Some(text(data)),
        "subrip" | "srt" => Some(without_marks(&text(data), '<', '>')),
        "webvtt" => {
            let spoken = without_marks(&text(data), '<', '>');
            let spoken = spoken.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ");
            let spoken = spoken.replace("&lrm;", "\u{200e}").replace("&rlm;", "\u{200f}");
            Some(spoken.replace("&amp;", "&"))
        }
        "ass" | "ssa" => {
            // ReadOrder, Layer, Style, Name, three margins, Effect, Text.
            let line = text(data);
            let spoken = line.splitn(9, ',').nth(8).unwrap_or("");
            let spoken = without_marks(spoken, '{', '}');
            Some(spoken.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " "))
        }
        "mov_text" => {
            let length = usize::from(u16::from_be_bytes(*data.first_chunk()?));
            Some(text(data.get(2..2 + length).unwrap_or(&data[2..])))
        }
        _ => None,
    }
}

/// The text without what stands between marks, which say how it looks.
fn without_marks(text: &str, open: char, close: char) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(open) {
        let Some(length) = rest[start..].find(close) else { break };
        // A mark begins with its name, or ends one: "3 < 4" holds none.
        let next = rest[start + open.len_utf8()..].chars().next();
        if open == '<' && !next.is_some_and(|next| next.is_ascii_alphanumeric() || next == '/') {
            let end = start + open.len_utf8();
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        out.push_str(&rest[..start]);
        rest = &rest[start + length + close.len_utf8()..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(data: &[u8], from: &str) -> String {
        String::from_utf8(converted(data, from, "subrip").unwrap()).unwrap()
    }

    #[test]
    fn words_and_lines_go_from_codec_to_codec() {
        let line = b"0,0,Default,,0,0,0,,{\\i1}Hello{\\i0}, you\\NTwo";
        assert_eq!(text(line, "ass"), "Hello, you\nTwo");
        assert_eq!(text(b"\x00\x05Hello\x00\x00\x00\x0estyl", "mov_text"), "Hello");
        assert_eq!(
            converted(b"<i>Gr\xc3\xbc\xc3\x9fe</i>\r\n", "subrip", "mov_text").unwrap(),
            b"\x00\x07Gr\xc3\xbc\xc3\x9fe"
        );
        assert_eq!(converted(b"a < b", "webvtt", "subrip").unwrap(), b"a < b");
        let sums = b"<i>Tom & Jerry</i>: 3 < 4, 5 > 4";
        assert_eq!(converted(sums, "subrip", "webvtt").unwrap(), b"Tom &amp; Jerry: 3 &lt; 4, 5 &gt; 4");
        assert_eq!(text(b"<v Tom>3 &lt; 4 &amp;amp;</v> <00:01.000>now", "webvtt"), "3 < 4 &amp; now");
        assert_eq!(text(sums, "subrip").len(), sums.len(), "as it is from a codec to itself");
        assert!(loses_styles("subrip", "mov_text"));
        assert!(converted(b"1", "dvd_subtitle", "subrip").is_none());
        assert!(loses_styles("ass", "mov_text") && !loses_styles("ass", "ass"));
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_a_packet_or_none(
            data in proptest::collection::vec(any::<u8>(), 0..40), from in 0..6_usize, to in 0..4_usize,
        ) {
            let from = ["subrip", "ass", "mov_text", "webvtt", "text", "dvd_subtitle"][from];
            let _ = converted(&data, from, ["subrip", "mov_text", "webvtt", "ass"][to]);
        }
    }
}

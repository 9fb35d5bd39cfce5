//! Quoted-printable (RFC 2045 section 6.7) in one pass over the text.
//!
//! The library's encoder and the passes around it took a third of the time that a mail costs; this writes runs of
//! plain characters as they are.

/// A line's characters, the soft break's `=` included.
const LONGEST_LINE: usize = 76;
const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Encodes a text: ASCII, CRLF line ends, lines of at most 76 characters.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 8 + 64);
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.extend_from_slice(b"\r\n");
        }
        encode_line(line.strip_suffix('\r').unwrap_or(line).as_bytes(), &mut out);
    }
    out
}

fn encode_line(line: &[u8], out: &mut Vec<u8>) {
    let mut rest = line;
    let mut room = LONGEST_LINE;
    while !rest.is_empty() {
        let plain = rest.iter().take_while(|byte| is_plain(**byte)).count();
        if plain == 0 {
            room = soft_break_unless(room, 3, rest.len() == 1, out);
            out.extend([b'=', HEX[usize::from(rest[0] >> 4)], HEX[usize::from(rest[0] & 15)]]);
            room -= 3;
            rest = &rest[1..];
            continue;
        }
        room = soft_break_unless(room, 1, false, out);
        // A line may be full only where nothing follows; else its last place belongs to the soft break.
        let fits = if plain == rest.len() && plain <= room { plain } else { plain.min(room - 1) };
        out.extend_from_slice(&rest[..fits]);
        room -= fits;
        rest = &rest[fits..];
    }
    protect_trailing_blank(out, room);
}

/// Breaks the line where `needed` characters and the soft break's own `=` do not fit any more; gives the room left.
fn soft_break_unless(room: usize, needed: usize, is_last: bool, out: &mut Vec<u8>) -> usize {
    if room >= needed + usize::from(!is_last) {
        // A single plain character and its `=` always fit a fresh line, so this ends.
        return room;
    }
    out.extend_from_slice(b"=\r\n");
    LONGEST_LINE
}

/// White space at a line's end is lost on the way; as a hexadecimal pair it is not.
fn protect_trailing_blank(out: &mut Vec<u8>, room: usize) {
    if let Some(blank @ (b' ' | b'\t')) = out.last().copied() {
        out.pop();
        if room + 1 < 3 {
            out.extend_from_slice(b"=\r\n");
        }
        out.extend([b'=', HEX[usize::from(blank >> 4)], HEX[usize::from(blank & 15)]]);
    }
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t') && byte != b'='
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A decoder written from the RFC alone.
    fn decode(wire: &[u8]) -> Vec<u8> {
        let wire = std::str::from_utf8(wire).unwrap().replace("=\r\n", "");
        let mut bytes = wire.bytes();
        let mut out = Vec::new();
        while let Some(byte) = bytes.next() {
            if byte == b'=' {
                let pair = [bytes.next().unwrap(), bytes.next().unwrap()];
                out.push(u8::from_str_radix(std::str::from_utf8(&pair).unwrap(), 16).unwrap());
            } else {
                out.push(byte);
            }
        }
        out
    }

    fn check(text: &str) {
        let wire = encode(text);
        let shown = String::from_utf8(wire.clone()).unwrap();
        assert!(wire.is_ascii(), "{shown:?}");
        for line in shown.split("\r\n") {
            assert!(line.len() <= LONGEST_LINE && !line.contains(['\r', '\n']), "{shown:?}");
            assert!(!line.ends_with([' ', '\t']), "{shown:?}");
        }
        let expected = text.replace("\r\n", "\n").replace('\n', "\r\n");
        assert_eq!(String::from_utf8(decode(&wire)).unwrap(), expected, "{shown:?}");
    }

    #[test]
    fn any_text_comes_back_as_it_was_with_crlf_line_ends() {
        for text in ["", "a", "a=b", "é", "a \nb\t\n", "\r\n\r\n", "a\rb", "\0", "😀=?", " ", "x \r\n"] {
            check(text);
        }
        for length in 70..160 {
            for tail in ["", " ", "\t", "=", "é", "é ", " x", "\n", " \n", "==", "😀"] {
                check(&format!("{}{tail}", "x".repeat(length)));
                check(&format!("{}{tail}", "é".repeat(length)));
                check(&format!("{}{tail}y", " ".repeat(length)));
            }
        }
    }

    #[test]
    fn random_texts_come_back() {
        const PIECES: [&str; 10] =
            ["x", "xxxxxxxxxxxxxxxxxxxx", " ", "=", "é", "山", "\n", "\r\n", "\t", "."];
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..5_000 {
            let mut text = String::new();
            for _ in 0..40 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(PIECES[usize::try_from(state >> 33).unwrap() % PIECES.len()]);
            }
            check(&text);
        }
    }
}

//! What a letter refuses and how it reads on the wire.

use std::panic::catch_unwind;

use super::*;

fn letter() -> Letter {
    let address = |raw| EmailAddress::parse(raw).unwrap();
    Letter {
        from_name: Some("Šťastná & Söhne".to_owned()),
        from: address("no-reply@convoke.example"),
        reply_to: Some(address("people@merchant.example")),
        to: address("jozo@jozo.sk"),
        to_name: Some("Jozo, \"der\" Mäkčeň <x@y.example>".to_owned()),
        subject: "Pozvánka na pohovor".to_owned(),
        text: "Dobrý deň\n.\nhttps://convoke.example/interview/take/?a=b\n".to_owned(),
        html: "<p>Dobrý deň, this is your invitation</p>".to_owned(),
        message_id: "<invitation.7.1@convoke.example>".to_owned(),
        date: "2025-01-22T13:12:53Z".parse().unwrap(),
        calendar: None,
    }
}

fn formatted(letter: &Letter) -> String {
    String::from_utf8(letter.format().unwrap()).unwrap()
}

/// The headers, unfolded, as (name, value).
fn headers(wire: &str) -> Vec<(String, String)> {
    let (head, _) = wire.split_once("\r\n\r\n").unwrap();
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let split = |line: &str| line.split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned())).unwrap();
    unfolded.split("\r\n").map(split).collect()
}

#[test]
fn a_letter_becomes_a_seven_bit_clean_alternative_with_its_own_identity() {
    let wire = formatted(&letter());
    assert!(
        wire.is_ascii() && wire.split("\r\n").all(|line| line.len() <= 200 && !line.contains(['\r', '\n']))
    );
    let headers = headers(&wire);
    let value = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    assert_eq!(value("Message-ID"), Some("<invitation.7.1@convoke.example>"));
    assert_eq!(value("Date"), Some("Wed, 22 Jan 2025 13:12:53 +0000"));
    assert_eq!(value("Auto-Submitted"), Some("auto-generated"));
    assert_eq!(value("X-Auto-Response-Suppress"), Some("All"));
    assert_eq!(value("Reply-To"), Some("people@merchant.example"));
    assert!(value("To").unwrap().ends_with("<jozo@jozo.sk>"));
    assert!(value("Content-Type").unwrap().starts_with("multipart/alternative"));
    assert_eq!(headers.len(), 10, "{headers:?}");
}

#[test]
fn a_repeat_is_the_same_mail_byte_for_byte() {
    assert_eq!(letter().format().unwrap(), letter().format().unwrap());
}

#[test]
fn bodies_say_their_encoding_and_a_foreign_script_goes_as_base64() {
    let mut letter = letter();
    letter.text = "面接へのご招待".to_owned();
    let wire = formatted(&letter);
    assert!(wire.contains("Content-Transfer-Encoding: base64"));
    assert!(wire.contains("Content-Transfer-Encoding: quoted-printable"));
    assert!(!wire.contains("8bit"));
}

#[test]
fn an_appointment_rides_along_with_its_method() {
    let mut letter = letter();
    letter.calendar =
        Some(Calendar { method: CalendarMethod::Cancel, object: "BEGIN:VCALENDAR\r\n".to_owned() });
    let wire = formatted(&letter);
    assert!(wire.contains("Content-Type: text/calendar; charset=utf-8; method=CANCEL\r\n"), "{wire}");
}

#[test]
fn what_could_end_a_header_is_refused_by_name_and_never_reaches_the_library() {
    for hostile in
        ["Eve\r\nBcc: all@x.example", "a\rb", "a\nb", "a\0b", "a\u{7f}b", "\u{202e}evil", "a\u{2028}b"]
    {
        for (part, field) in [(0, "sender's name"), (1, "recipient's name"), (2, "subject")] {
            let mut letter = letter();
            match part {
                0 => letter.from_name = Some(hostile.to_owned()),
                1 => letter.to_name = Some(hostile.to_owned()),
                _ => letter.subject = hostile.to_owned(),
            }
            let refused = letter.format().unwrap_err();
            assert!(
                matches!(refused, LetterError::Text { field: f, .. } if f == field),
                "{hostile:?}: {refused}"
            );
        }
    }
}

#[test]
fn a_message_id_is_one_token_in_angle_brackets() {
    let long = format!("<{}@x.example>", "a".repeat(250));
    for bad in
        ["", "a@b", "<a>", "<a@b", "<a@b>\r\nBcc: x@y.example", "<a b@c>", "<@b>", "<a@>", "<ä@b>", &long]
    {
        let refused = Letter { message_id: bad.to_owned(), ..letter() }.format();
        assert!(matches!(refused, Err(LetterError::MessageId)), "{bad:?}");
    }
    let id = format!("<{}@convoke.example>", "invitation.1234567890.".repeat(8));
    let wire = formatted(&Letter { message_id: id.clone(), ..letter() });
    assert!(headers(&wire).contains(&("Message-ID".to_owned(), id)), "{wire}");
}

#[test]
fn a_subject_must_say_something() {
    let refused = Letter { subject: "  ".to_owned(), ..letter() }.format();
    assert!(matches!(refused, Err(LetterError::NoSubject)));
}

#[test]
fn a_letter_prints_neither_link_nor_address() {
    let printed = format!("{:?}", letter());
    assert!(!printed.contains("interview") || !printed.contains("https"), "{printed}");
    assert!(printed.contains("j***@jozo.sk"), "{printed}");
}

/// 20,000 names and subjects put together from the pieces that encoders stumble over. Either refused by us, or a mail
/// with the same ten headers and the recipient in place; never a panic.
#[test]
fn no_text_makes_the_library_panic_or_changes_the_headers() {
    const PIECES: [&str; 28] = [
        "a",
        "Z",
        " ",
        "  ",
        "\"",
        "\\",
        ",",
        ";",
        ":",
        "<",
        ">",
        "@",
        "(",
        ")",
        ".",
        "=?utf-8?b?",
        "?=",
        "é",
        "山",
        "😀",
        "\u{301}",
        "\t",
        "\r\n",
        "\0",
        "\u{200d}",
        "_",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "=",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..20_000 {
        let mut text = || (0..draw(14)).map(|_| PIECES[draw(PIECES.len())]).collect::<String>();
        let letter = Letter {
            from_name: Some(text()),
            to_name: Some(text()),
            subject: format!("s{}", text()),
            ..letter()
        };
        let outcome = catch_unwind(|| letter.format());
        let told = (&letter.from_name, &letter.to_name, &letter.subject);
        match outcome.unwrap_or_else(|_| panic!("{told:?}")) {
            Err(LetterError::Text { .. }) => {}
            Err(other) => panic!("{told:?}: {other}"),
            Ok(wire) => {
                let wire = String::from_utf8(wire).unwrap();
                assert!(wire.is_ascii(), "{told:?}");
                let headers = headers(&wire);
                assert_eq!(headers.len(), 10, "{told:?} {headers:?}");
                assert!(headers.iter().any(|(n, v)| n == "To" && v.contains("jozo@jozo.sk")), "{headers:?}");
            }
        }
    }
}

//! What a composed invitation says.

use super::*;

const LINK: &str = "https://convoke.example/interview/take/0b7c/?interview_token=1.7.1.abc&view_hm=true";

fn invitation() -> Invitation<'static> {
    Invitation {
        merchant_name: "Lumen Logistics",
        colour: "#0b7285",
        candidate_name: Some("Jozef Mak"),
        definition_name: "Courier, Bratislava",
        custom_subject: None,
        custom_text: None,
        link: LINK,
        expires_at: "2025-02-05T13:12:53Z".parse().unwrap(),
        time_zone: "Europe/Bratislava",
        is_test: false,
        reply_to: None,
    }
}

fn composed(invitation: &Invitation<'_>) -> Composed {
    Templates::new().unwrap().invitation(invitation).unwrap()
}

#[test]
fn an_invitation_says_who_invites_whom_to_what_until_when() {
    let mail = composed(&invitation());
    assert_eq!(mail.subject, "Lumen Logistics invites you: Courier, Bratislava");
    assert_eq!(mail.complaint, None);
    for said in ["Hello Jozef Mak,", "Lumen Logistics", "Courier, Bratislava"] {
        assert!(mail.text.contains(said) && mail.html.contains(said), "{said}");
    }
    for said in
        ["Wednesday 5 February 2025, 14:12 (Europe/Bratislava)", "works once", "You got this mail because"]
    {
        assert!(mail.text.contains(said) && mail.html.contains(said), "{said}\n{}", mail.text);
    }
    assert!(mail.text.lines().any(|line| line == LINK));
    assert_eq!(mail.html.matches(&LINK.replace('&', "&amp;")).count(), 3, "button, and the address to copy");
    assert!(!mail.html.contains("<img") && !mail.html.contains("<script"));
}

#[test]
fn a_candidate_without_a_name_is_greeted_all_the_same() {
    let mail = composed(&Invitation { candidate_name: None, ..invitation() });
    assert!(mail.text.contains("Hello,\n") && mail.html.contains("Hello,</p>"));
}

#[test]
fn a_hostile_name_is_shown_and_does_nothing() {
    let name = "<img src=x onerror=alert(1)> {{7*7}} {% raw %} https://evil.example www.evil.example";
    let mail = composed(&Invitation {
        candidate_name: Some(name),
        merchant_name: name,
        definition_name: name,
        custom_text: Some("Dear {{ candidate_name }},\nwelcome."),
        ..invitation()
    });
    assert!(mail.html.contains("&lt;img src=x onerror=alert(1)&gt; {{7*7}} {% raw %}"), "{}", mail.html);
    assert!(!mail.html.contains("<img"));
    for body in [&mail.subject, &mail.text, &mail.html] {
        assert!(
            !body.contains("49") && !body.contains("https://evil") && !body.contains("www.evil"),
            "{body}"
        );
    }
    assert!(mail.text.contains("Dear <img src=x onerror=alert(1)> {{7*7}} {% raw %} https[:]//evil.example"));
}

#[test]
fn a_subject_is_one_line_of_at_most_200_characters_whatever_it_is_made_of() {
    for name in ["a\r\nBcc: x@y.example", "\u{202e}b\0", &"ü ".repeat(300)] {
        let subject = composed(&Invitation { merchant_name: name, ..invitation() }).subject;
        assert_eq!(line(&subject, LONGEST_SUBJECT), Ok(Some(subject.as_str())), "{name:?}");
    }
}

#[test]
fn a_merchants_own_words_take_the_place_of_ours_and_the_link_stays() {
    let mail = composed(&Invitation {
        custom_subject: Some("{{ candidate_name }}, your turn"),
        custom_text: Some(
            "Hi {{candidate_name}}!\r\nOne.\n\nTwo <b>: {{ interview_name }} by {{ expires_at }}",
        ),
        ..invitation()
    });
    assert_eq!(mail.subject, "Jozef Mak, your turn");
    assert!(
        mail.text.starts_with("Hi Jozef Mak!\nOne.\n\nTwo <b>: Courier, Bratislava by Wednesday"),
        "{}",
        mail.text
    );
    assert!(mail.text.contains(LINK) && !mail.text.contains("Hello"));
    assert!(mail.html.contains("Hi Jozef Mak!<br>One.</p>") && mail.html.contains("Two &lt;b&gt;: Courier"));
    assert!(mail.html.contains("Go to your interview"));
}

#[test]
fn a_link_that_the_merchant_placed_is_not_repeated_in_the_text() {
    let mail = composed(&Invitation { custom_text: Some("Begin: {{ link }}"), ..invitation() });
    assert_eq!(mail.text.matches(LINK).count(), 1);
}

#[test]
fn a_merchants_broken_template_gives_the_default_mail_and_is_told() {
    let mail = composed(&Invitation {
        custom_subject: Some("{{ candidate"),
        custom_text: Some("{{ salary }}"),
        ..invitation()
    });
    assert_eq!(mail.subject, "Lumen Logistics invites you: Courier, Bratislava");
    assert!(mail.text.contains("Hello Jozef Mak,"));
    let complaint = mail.complaint.unwrap();
    assert!(
        complaint.contains("mail_subject: ") && complaint.contains("mail_text: `{{ salary }}`"),
        "{complaint}"
    );
}

#[test]
fn a_test_is_marked_as_one_and_the_merchant_can_be_asked() {
    let address = EmailAddress::parse("people@lumen.example").unwrap();
    let mail = composed(&Invitation { is_test: true, reply_to: Some(&address), ..invitation() });
    assert!(mail.subject.starts_with("[Test] "));
    assert!(mail.text.contains("This is a test.") && mail.html.contains("This is a test."));
    assert!(
        mail.text.contains("Write to people@lumen.example")
            && mail.html.contains("mailto:people@lumen.example")
    );
}

#[test]
fn a_reminder_brings_the_link_again_and_says_until_when() {
    let own = Invitation { custom_subject: Some("Mine"), custom_text: Some("Mine"), ..invitation() };
    let mail = Templates::new().unwrap().invitation_reminder(&own).unwrap();
    assert_eq!(mail.subject, "Your invitation still waits: Courier, Bratislava");
    for said in ["Hello Jozef Mak,", "still waits", "Wednesday 5 February 2025, 14:12 (Europe/Bratislava)"] {
        assert!(mail.text.contains(said) && mail.html.contains(said), "{said}\n{}", mail.text);
    }
    assert!(mail.text.lines().any(|line| line == LINK) && !mail.text.contains("Mine"), "{}", mail.text);
    assert_eq!(mail.html.matches(&LINK.replace('&', "&amp;")).count(), 3, "button, and the address to copy");
}

#[test]
fn a_colour_that_is_none_does_not_reach_the_style() {
    let mail = composed(&Invitation { colour: "red;background:url(//evil.example)", ..invitation() });
    assert!(mail.html.contains("background:#1f4e79") && !mail.html.contains("evil"));
}

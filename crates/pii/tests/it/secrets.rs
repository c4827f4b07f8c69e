//! Keys and passwords that are long, or whose end is missing.

use crate::found;

/// What looks like a line of base64.
fn line(bytes: usize) -> String {
    "Zk4Qp0xYb7Rt+1mW".repeat(bytes / 16)
}

#[test]
fn a_long_token_or_password_is_found_to_its_end() {
    let long = line(6_400);
    let plain = long.replace('+', "x");
    for (text, value) in [
        (
            format!("bearer eyJhbGciOiJFUzI1NiJ9.{long}.{plain} was sent"),
            format!("eyJhbGciOiJFUzI1NiJ9.{long}.{plain}"),
        ),
        (format!("password: {plain} was set"), plain.clone()),
        (format!("use ghp_{plain} now"), format!("ghp_{plain}")),
    ] {
        let found: Vec<String> = found(&text).into_iter().map(|(_, value)| value).collect();
        assert!(
            found == [value],
            "{:?}",
            found.iter().map(String::len).collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_private_key_without_its_end_is_found_as_far_as_it_goes_on() {
    let begin = "-----BEGIN RSA PRIVATE KEY-----";
    for body in [
        format!("\n{}\n{}\nk3Jx==", line(64), line(64)),
        format!(
            "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,9F2A\n\n{}\n{}",
            line(64),
            line(48)
        ),
        format!(" {} {} {}", line(64), line(64), line(64)),
        format!("\\n{}\\n{}\\n", line(64), line(64)),
        format!("\n{}", format!("{}\n", line(64)).repeat(200).trim_end()),
    ] {
        let text = format!("the key is\n{begin}{body}\nand nothing else was in the file.");
        assert_eq!(found(&text), [("SECRET", format!("{begin}{body}"))]);
    }
    assert_eq!(found(&format!("a file that begins with {begin} is a key")), []);
}

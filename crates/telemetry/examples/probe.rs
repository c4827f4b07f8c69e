//! scratch
use std::io::BufRead;
fn main() {
    let start = std::time::Instant::now();
    let mut n = 0;
    for l in std::io::stdin().lock().lines() {
        let l = l.unwrap();
        println!("{}", bearingwall_telemetry::scrub(&l));
        n += 1;
    }
    eprintln!("{n} in {:?}", start.elapsed());
}

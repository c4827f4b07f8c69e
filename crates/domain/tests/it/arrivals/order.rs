//! Stripe keeps no order and repeats itself: whatever the order, the same is left behind.

use super::*;
use bearingwall_domain::InvoiceState;
use std::collections::BTreeSet;

/// Every order of so many things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    (0..count).fold(vec![Vec::new()], |orders, next| {
        let longer = orders.into_iter().flat_map(|order| {
            (0..=order.len()).map(move |at| {
                let mut longer = order.clone();
                longer.insert(at, next);
                longer
            })
        });
        longer.collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn dom_6_any_order_and_any_repetition_of_what_stripe_tells_ends_alike() {
    let intake = Intake::open().await;
    let client = intake.client(intake.spas.juniper, "+1 415 555 0119").await;
    let arrivals = intake.arrivals();
    let orders = orders(5);
    assert_eq!(orders.len(), 120);
    for (number, order) in orders.into_iter().enumerate() {
        let invoice = intake.invoice(client, &number.to_string(), 500).await;
        let (one, two) = (format!("pi_{number}_1"), format!("pi_{number}_2"));
        let of = |which: usize, id: &str| match which {
            0 => paid(id, &one, invoice, 500),
            1 => session(id, &one, invoice, 500),
            2 => refunded(id, &one, invoice, 500, 100),
            3 => refunded(id, &one, invoice, 500, 300),
            _ => paid(id, &two, invoice, 500),
        };
        // One of them is told of a second time, under another id, at any place.
        let mut told = order.clone();
        told.insert(number % 6, number % 5);
        for (place, which) in told.iter().enumerate() {
            intake.stripe(&of(*which, &format!("evt_{number}_{place}"))).await;
        }
        for _ in &told {
            let looked = arrivals.next(&intake.handler).await.unwrap();
            assert_eq!(looked, Looked::Settled(Verdict::Done), "{told:?}");
        }
        let (record, payments) = intake.read(client, invoice).await;
        assert_eq!(
            (record.state, record.payments, record.refunded_minor),
            (InvoiceState::Paid, 2, 300),
            "{told:?}"
        );
        let on_file: BTreeSet<_> = payments
            .iter()
            .map(|payment| (payment.reference.clone(), payment.kind.clone(), payment.refunded_minor))
            .collect();
        let expected = [
            (one.clone(), "payment".to_owned(), 0),
            (one, "refund".to_owned(), 100),
            (format!("pi_{number}_1"), "refund".to_owned(), 300),
            (two, "payment".to_owned(), 0),
        ];
        assert_eq!((payments.len(), on_file), (4, BTreeSet::from(expected)), "{told:?}");
    }
}

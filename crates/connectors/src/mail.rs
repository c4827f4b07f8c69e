//! Mail: messages that are made of typed parts, the port behind which a transport stands, what comes back from it, and the
//! posture of the domain that it is sent from.

mod address;
mod attachment;
mod check;
mod eml;
mod error;
mod message;
mod mime;
pub mod posture;
mod reminder;
pub mod sns;
mod suppression;
mod text;
mod transport;

pub use address::{Address, Recipient, Sender};
pub use attachment::{Attachment, ContentType};
pub use eml::EmlSink;
pub use error::{MailError, TextFault};
pub use message::{Class, Letter, Message, OperatorSend, PhiContent, Stamp, Template, Unsubscribe};
pub use reminder::AppointmentReminder;
pub use suppression::{AddressDigest, Change, Scope, Stop, SuppressionKey, Suppressions};
pub use text::{AppointmentTime, BodyText, ClinicName, DisplayName, LinkHost, Plain, PlainBody, Subject};
pub use transport::{Cleared, Delivery, MailTransport, Mailer, Outcome, ProviderId, Reason};

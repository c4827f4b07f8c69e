//! The reminder of an appointment: who, when and where to look, and nothing of what for.

use super::text::{AppointmentTime, ClinicName, LinkHost, PlainBody, Subject};
use super::{MailError, Template};

/// A reminder that names the clinic, the time and a host to sign in at: no treatment, no provider, no name of the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppointmentReminder {
    /// What the clinic calls itself.
    pub clinic: ClinicName,
    /// When the person is expected.
    pub at: AppointmentTime,
    /// Where they sign in to see the rest.
    pub host: LinkHost,
}

impl Template for AppointmentReminder {
    fn subject(&self) -> Result<Subject, MailError> {
        Subject::of(&[&"Appointment at ", &self.clinic])
    }

    // CONTROL: MAI-2
    fn body(&self) -> Result<PlainBody, MailError> {
        PlainBody::of(&[
            &"You have an appointment at ",
            &self.clinic,
            &":\n\n    ",
            &self.at,
            &"\n\nTo see or change it, sign in at https://",
            &self.host,
            &"/\n\nPlease do not answer with anything about your health: this address is not read by your care team.\n",
        ])
    }
}

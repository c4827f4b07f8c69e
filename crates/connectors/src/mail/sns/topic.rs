//! The names of topics.

use super::SnsError;

/// `arn:<partition>:sns:<region>:<account>:<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TopicArn {
    text: String,
    partition: Partition,
    region: String,
}

/// Which of Amazon's separate clouds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Partition {
    World,
    China,
}

impl TopicArn {
    /// Takes the name of a standard or FIFO topic.
    ///
    /// # Errors
    ///
    /// [`SnsError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, SnsError> {
        let malformed = || SnsError::Malformed { what: "its topic" };
        let parts: Vec<&str> = text.split(':').collect();
        let [arn, partition, service, region, account, name] = parts.as_slice() else {
            return Err(malformed());
        };
        let partition = match *partition {
            "aws" | "aws-us-gov" => Partition::World,
            "aws-cn" => Partition::China,
            _ => return Err(malformed()),
        };
        let named = name.strip_suffix(".fifo").unwrap_or(name);
        let fit = *arn == "arn"
            && *service == "sns"
            && is_region(region)
            && account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && (1..=256).contains(&named.len())
            && named
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !fit {
            return Err(malformed());
        }
        Ok(Self {
            text: text.to_owned(),
            partition,
            region: (*region).to_owned(),
        })
    }

    /// The name as AWS writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The one host that speaks for it.
    pub(super) fn host(&self) -> String {
        match self.partition {
            Partition::World => format!("sns.{}.amazonaws.com", self.region),
            Partition::China => format!("sns.{}.amazonaws.com.cn", self.region),
        }
    }
}

fn is_region(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

//! The casbin enforcer, loaded from checked rules only.

use crate::rules::{self, Defect, Rule};
use bearingwall_core::{Classified, ErrorKind, Role};
use bearingwall_rbac::{PermissionId, PolicyEngine, PolicyError};
use casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi};

/// The policy that is shipped, `policy/policy.csv`.
pub const POLICY: &str = include_str!("../policy/policy.csv");

/// The model that the policy is read by, `policy/model.conf`. It is not configurable: a matcher that forgot one
/// comparison would load and grant.
pub const MODEL: &str = include_str!("../policy/model.conf");

/// Why a policy was not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CasbinError {
    /// A line of the policy is not acceptable.
    #[error("line {line} of the policy: {defect}")]
    Rule {
        /// The line, from 1; 0 is the file as a whole.
        line: usize,
        /// What is wrong with it.
        defect: Defect,
    },
    /// casbin refused the model or the rules.
    #[error("the policy engine did not load")]
    Load(#[source] casbin::Error),
    /// casbin holds another number of rules than the policy has.
    #[error("the policy engine holds {loaded} of {expected} rules")]
    Partial {
        /// Rules in the policy.
        expected: usize,
        /// Rules in the engine.
        loaded: usize,
    },
}

impl Classified for CasbinError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Internal
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Rule { .. } => "RBC-010",
            Self::Load(_) => "RBC-011",
            Self::Partial { .. } => "RBC-012",
        }
    }
}

/// casbin with a checked policy. It answers while the table is compiled, and no request ever reaches it.
pub struct CasbinEngine {
    // SECURITY: never a CachedEnforcer: its answers are kept under a 64-bit hash with a fixed key and no comparison of
    // the question, so two questions that collide share an answer.
    enforcer: Enforcer,
}

impl CasbinEngine {
    /// The policy that is shipped.
    ///
    /// # Errors
    /// See [`CasbinEngine::from_policy`].
    pub async fn shipped() -> Result<Self, CasbinError> {
        Self::from_policy(POLICY).await
    }

    /// A policy of the operator's own, under the shipped model.
    ///
    /// # Errors
    /// When a line cannot be read strictly, when a permission is missing, or when casbin does not hold every rule.
    pub async fn from_policy(policy: &str) -> Result<Self, CasbinError> {
        let rules = rules::parse(policy).map_err(|(line, defect)| CasbinError::Rule { line, defect })?;
        let model = DefaultModel::from_str(MODEL).await.map_err(CasbinError::Load)?;
        let mut enforcer = Enforcer::new(model, MemoryAdapter::default())
            .await
            .map_err(CasbinError::Load)?;
        let rows = rules.iter().map(row).collect();
        enforcer.add_policies(rows).await.map_err(CasbinError::Load)?;
        let loaded = enforcer.get_policy().len();
        if loaded != rules.len() {
            return Err(CasbinError::Partial {
                expected: rules.len(),
                loaded,
            });
        }
        Ok(Self { enforcer })
    }
}

impl PolicyEngine for CasbinEngine {
    // CONTROL: RBC-2
    fn allows(&self, role: Role, permission: PermissionId) -> Result<bool, PolicyError> {
        // The three texts come from closed lists, so the engine's surprises with empty or foreign texts cannot occur.
        self.enforcer
            .enforce((role.as_str(), permission.object(), permission.action()))
            .map_err(PolicyError::new)
    }
}

impl std::fmt::Debug for CasbinEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CasbinEngine")
            .field("rules", &self.enforcer.get_policy().len())
            .finish()
    }
}

fn row(rule: &Rule) -> Vec<String> {
    [rule.role.as_str(), rule.permission.object(), rule.permission.action()]
        .map(str::to_owned)
        .to_vec()
}

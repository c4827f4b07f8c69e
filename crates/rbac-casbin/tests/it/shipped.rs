//! RBC-3: what the shipped policy says, as a table that a reader can check.

use bearingwall_core::{Role, RoleSet};
use bearingwall_rbac::{PermissionId, PolicyTable, Scope};
use bearingwall_rbac_casbin::CasbinEngine;

const EXPECTED: &str = "\
permission                  authenticated  customer_admin  internal_admin
me:read                     yes            yes             yes
client:read                 yes            -               -
client:search               yes            -               -
client:write                -              yes             -
client:import               -              yes             -
client:deidentify           -              yes             -
chart_note:read             yes            -               -
chart_note:write            -              yes             -
chart_note:import           -              yes             -
access_log:read             yes            -               -
audit:read                  -              yes             -
audit:prove                 -              yes             -
audit:report                -              yes             -
break_glass:manage          -              -               yes
break_glass:review          -              yes             -
role:read                   -              yes             -
role:define                 -              yes             -
role:request                -              yes             -
role:decide                 -              yes             -
role:end                    -              yes             -
access:review               -              yes             -
pii:detect                  yes            -               -
pii:mask                    yes            -               -
pii:unmask                  yes            -               -
pii_policy:read             -              yes             -
pii_policy:write            -              yes             -
pii_policy:activate         -              yes             -
webhook_endpoint:read       -              yes             -
webhook_endpoint:write      -              yes             -
webhook_subscription:read   -              yes             -
webhook_subscription:write  -              yes             -
connector:read              -              yes             -
connector:write             -              yes             -
http_request:write          -              yes             -
webhook_event:read          -              yes             -
webhook_event:replay        -              yes             -
invoice:read                yes            -               -
invoice:write               -              yes             -
message:read                yes            -               -
message:assign              -              yes             -
gate:read                   -              yes             -
gate:show                   yes            -               -
gate:decide                 -              yes             -
gate:cancel                 -              yes             -
outbox:read                 -              yes             -
outbox:settle               -              yes             -
";

#[tokio::test]
async fn the_shipped_policy_is_the_reviewed_table() {
    let table = PolicyTable::compile(&CasbinEngine::shipped().await.unwrap()).unwrap();
    let names = Role::ALL.map(Role::as_str);
    let mut shown = format!("{:<28}{:<15}{:<16}{}\n", "permission", names[0], names[1], names[2]);
    for row in table.matrix() {
        let cells = row.granted.map(|granted| if granted { "yes" } else { "-" });
        shown += &format!(
            "{:<28}{:<15}{:<16}{}\n",
            row.permission.as_str(),
            cells[0],
            cells[1],
            cells[2]
        );
    }
    assert_eq!(shown, EXPECTED);
}

#[tokio::test]
async fn rbc_3_no_role_of_the_shipped_policy_contains_another() {
    let table = PolicyTable::compile(&CasbinEngine::shipped().await.unwrap()).unwrap();
    let allows = |role, permission| table.allows(RoleSet::EMPTY.with(role), permission);
    for one in Role::ALL {
        for other in Role::ALL.into_iter().filter(|other| *other != one) {
            let shared = PermissionId::ALL
                .iter()
                .filter(|id| allows(one, **id) && allows(other, **id));
            assert_eq!(
                shared.copied().collect::<Vec<_>>(),
                [PermissionId::ReadSelf],
                "{one} and {other}"
            );
        }
    }
}

#[tokio::test]
async fn rbc_3_an_administrator_of_the_platform_reaches_no_tenants_data() {
    let table = PolicyTable::compile(&CasbinEngine::shipped().await.unwrap()).unwrap();
    let administrator = RoleSet::EMPTY.with(Role::InternalAdmin);
    for permission in PermissionId::ALL
        .iter()
        .filter(|permission| permission.scope() == Scope::Tenant)
    {
        assert!(!table.allows(administrator, *permission), "{permission}");
    }
}

#[tokio::test]
async fn rbc_3_a_writer_alone_reads_nothing() {
    let table = PolicyTable::compile(&CasbinEngine::shipped().await.unwrap()).unwrap();
    let writer = RoleSet::EMPTY.with(Role::CustomerAdmin);
    for permission in [
        PermissionId::ReadClient,
        PermissionId::SearchClient,
        PermissionId::ReadChartNote,
    ] {
        assert!(!table.allows(writer, permission), "{permission}");
    }
}

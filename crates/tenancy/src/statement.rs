//! Calls of the database's own functions: a fixed text, every value a bind parameter, prepared once on a connection.

/// One call of a function of the database, as a type: its text never changes, so the driver prepares it once a connection.
///
/// The crate that uses it depends on `diesel`.
#[macro_export]
macro_rules! statement {
    (
        $vis:vis $name:ident { $($first:ident: $first_rust:ty => $first_sql:ty $(, $field:ident: $rust:ty => $sql:ty)* $(,)?)? }
        $call:literal -> $answer:ty
    ) => {
        $vis struct $name { $($vis $first: $first_rust, $($vis $field: $rust),*)? }

        impl diesel::query_builder::Query for $name {
            type SqlType = $answer;
        }

        impl diesel::query_builder::QueryId for $name {
            type QueryId = Self;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                out.push_sql(concat!("SELECT ", $call, "("));
                $(
                    out.push_bind_param::<$first_sql, _>(&self.$first)?;
                    $(
                        out.push_sql(", ");
                        out.push_bind_param::<$sql, _>(&self.$field)?;
                    )*
                )?
                out.push_sql(")");
                Ok(())
            }
        }
    };
}

pub(crate) use statement;

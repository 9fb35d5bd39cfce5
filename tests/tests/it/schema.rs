//! The two migration folders describe one ledger: the same tables, columns and indexes on both engines.

use std::collections::BTreeMap;
use std::path::Path;

use convoke_tests::postgres::Postgres;
use shared::config::DatabaseUrl;
use shared::db::Db;
use shared::domain::Secret;

/// Each table's columns, and each index's table, as the engine itself tells them.
type Schema = BTreeMap<String, Vec<String>>;

const POSTGRES: &str = "SELECT table_name, column_name FROM information_schema.columns \
    WHERE table_schema = 'public' UNION ALL SELECT 'index ' || indexname, tablename FROM pg_indexes \
    WHERE schemaname = 'public' AND indexname NOT IN (SELECT conname FROM pg_constraint)";
const SQLITE: &str = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c \
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' \
    UNION ALL SELECT 'index ' || name, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL";

async fn postgres() -> Schema {
    let url = Postgres::shared().await.database().await;
    let db = Db::open(&DatabaseUrl::Postgres(Secret::new(url)), 2, std::time::Duration::from_mins(1))
        .await
        .unwrap();
    let Db::Postgres(pool) = &db else { panic!("not PostgreSQL") };
    collected(sqlx::query_as(POSTGRES).fetch_all(pool).await.unwrap())
}

async fn sqlite(folder: &Path) -> Schema {
    let url = DatabaseUrl::Sqlite(folder.join("schema.db"));
    let db = Db::open(&url, 2, std::time::Duration::from_mins(1)).await.unwrap();
    let Db::Sqlite { write, .. } = &db else { panic!("not SQLite") };
    collected(sqlx::query_as(SQLITE).fetch_all(write).await.unwrap())
}

fn collected(rows: Vec<(String, String)>) -> Schema {
    let mut schema = Schema::new();
    for (table, column) in rows.into_iter().filter(|(table, _)| table != "_sqlx_migrations") {
        schema.entry(table).or_default().push(column);
    }
    for columns in schema.values_mut() {
        columns.sort();
    }
    schema
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_engines_have_the_same_tables_columns_and_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let (postgres, sqlite) = (postgres().await, sqlite(folder.path()).await);
    assert!(
        postgres.contains_key("registrations") && postgres.contains_key("index messages_due"),
        "{postgres:?}"
    );
    assert_eq!(postgres, sqlite);
}

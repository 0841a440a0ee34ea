/* SPDX-License-Identifier: Apache-2.0 */
/* The schema (docs/reference/store.md), step by step. */
#include "daemon/store/schema.h"

#include "daemon/store/chain.h"

/* Instants are Unix seconds, 0 = none; enumerations are the numbers of the C
 * headers. */
static const char people_sql[] =
    "CREATE TABLE feed_head ("
    " id INTEGER PRIMARY KEY CHECK (id = 1),"
    " epoch INTEGER NOT NULL,"
    " position INTEGER NOT NULL,"
    " audit_position INTEGER NOT NULL,"
    " audit_hash BLOB NOT NULL) STRICT;"

    "CREATE TABLE users ("
    " id INTEGER PRIMARY KEY,"
    " username TEXT NOT NULL,"
    " username_key TEXT NOT NULL UNIQUE," /* ASCII letters folded */
    " display_name TEXT NOT NULL,"
    " email TEXT NOT NULL,"
    " password_hash TEXT,"
    " must_change_password INTEGER NOT NULL,"
    " role INTEGER NOT NULL,"
    " active INTEGER NOT NULL,"
    " source TEXT NOT NULL,"
    " created_at INTEGER NOT NULL) STRICT;"

    "CREATE TABLE user_groups ("
    " id INTEGER PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE,"
    " description TEXT NOT NULL) STRICT;"

    "CREATE TABLE memberships ("
    " user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
    " group_id INTEGER NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,"
    " PRIMARY KEY (user_id, group_id)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX memberships_of_group ON memberships (group_id, user_id);"

    "CREATE TABLE sessions ("
    " id INTEGER PRIMARY KEY,"
    " user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
    " hash BLOB NOT NULL UNIQUE,"
    " created_at INTEGER NOT NULL,"
    " last_seen_at INTEGER NOT NULL,"
    " signed_in_at INTEGER NOT NULL,"
    " address TEXT NOT NULL,"
    " user_agent TEXT NOT NULL) STRICT;"
    "CREATE INDEX sessions_of_user ON sessions (user_id);";

static const char tokens_sql[] =
    "CREATE TABLE apps ("
    " id INTEGER PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE,"
    " document TEXT NOT NULL) STRICT;"

    "CREATE TABLE policies ("
    " version INTEGER PRIMARY KEY,"
    " document TEXT NOT NULL,"
    " made_by TEXT NOT NULL,"
    " made_at INTEGER NOT NULL) STRICT;"

    "CREATE TABLE prefixes ("
    " ordinal INTEGER PRIMARY KEY," /* the highest is the present one */
    " prefix TEXT NOT NULL UNIQUE) STRICT;"

    /* Tokens outlive their owner: no foreign key, and the name is kept. */
    "CREATE TABLE tokens ("
    " id INTEGER PRIMARY KEY,"
    " owner_id INTEGER NOT NULL,"
    " owner_name TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " name_key TEXT NOT NULL,"
    " live_name TEXT," /* NULL: the name is free again */
    " description TEXT NOT NULL,"
    " prefix TEXT NOT NULL,"
    " created_at INTEGER NOT NULL,"
    " not_before INTEGER NOT NULL,"
    " expires_at INTEGER NOT NULL,"
    " policy_expires_at INTEGER NOT NULL,"
    " revoked_at INTEGER NOT NULL,"
    " revoked_by TEXT NOT NULL,"
    " revoked_reason TEXT NOT NULL,"
    " disabled INTEGER NOT NULL,"
    " access INTEGER NOT NULL,"
    " apps_restricted INTEGER NOT NULL,"
    " rules TEXT NOT NULL,"
    " last_used_at INTEGER NOT NULL,"
    " last_used_address TEXT NOT NULL,"
    " last_used_app TEXT NOT NULL,"
    " last_used_method TEXT NOT NULL,"
    " UNIQUE (owner_id, live_name)) STRICT;"
    "CREATE INDEX tokens_of_owner ON tokens (owner_id, id);"

    "CREATE TABLE secrets ("
    " id INTEGER PRIMARY KEY,"
    " token_id INTEGER NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,"
    " hash BLOB NOT NULL UNIQUE,"
    " last_four TEXT NOT NULL,"
    " created_at INTEGER NOT NULL,"
    " ends_at INTEGER NOT NULL," /* 0: the present one */
    " last_used_at INTEGER NOT NULL) STRICT;"
    "CREATE INDEX secrets_of_token ON secrets (token_id, id);"

    "CREATE TABLE token_apps ("
    " token_id INTEGER NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,"
    " app_id INTEGER NOT NULL REFERENCES apps (id) ON DELETE CASCADE,"
    " PRIMARY KEY (token_id, app_id)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX token_apps_of_app ON token_apps (app_id, token_id);";

static const char history_sql[] = "CREATE TABLE changes ("
                                  " position INTEGER PRIMARY KEY,"
                                  " kind INTEGER NOT NULL,"
                                  " object_id INTEGER NOT NULL,"
                                  " old_name TEXT) STRICT;"

                                  "CREATE TABLE audit ("
                                  " position INTEGER PRIMARY KEY,"
                                  " at INTEGER NOT NULL,"
                                  " actor TEXT NOT NULL,"
                                  " actor_kind TEXT NOT NULL,"
                                  " action TEXT NOT NULL,"
                                  " subject TEXT NOT NULL,"
                                  " detail TEXT NOT NULL,"
                                  " address TEXT NOT NULL,"
                                  " request_id TEXT NOT NULL,"
                                  " hash BLOB NOT NULL) STRICT;";

static const char history_sqlite[] =
    "CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit"
    " BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;"
    "CREATE TRIGGER audit_keeps_content BEFORE UPDATE ON audit"
    " BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;";

static const char history_postgres[] =
    "CREATE FUNCTION audit_is_append_only() RETURNS trigger"
    " LANGUAGE plpgsql AS"
    " 'BEGIN RAISE EXCEPTION ''audit is append-only''; END';"
    "CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit"
    " FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();"
    "CREATE TRIGGER audit_keeps_content BEFORE UPDATE ON audit"
    " FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();"
    "CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit"
    " EXECUTE FUNCTION audit_is_append_only();";

/* What a change of the policy did to tokens (policy_version: the one that set
 * or lifted policy_expires_at), and tokens that nobody uses. */
static const char enforcement_sql[] =
    "ALTER TABLE policies ADD COLUMN enforce INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE policies ADD COLUMN enforce_days INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE policies ADD COLUMN tokens_changed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE policies ADD COLUMN reverted_to INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE tokens ADD COLUMN policy_version INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE tokens ADD COLUMN disable_at INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE tokens ADD COLUMN idle_from INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX tokens_of_policy ON tokens (policy_version, id)"
    " WHERE policy_version <> 0;"

    /* What address rules in report mode would have refused. */
    "CREATE TABLE ip_reports ("
    " token_id INTEGER NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,"
    " address TEXT NOT NULL,"
    " app TEXT NOT NULL,"
    " first_at INTEGER NOT NULL,"
    " last_at INTEGER NOT NULL,"
    " uses INTEGER NOT NULL,"
    " PRIMARY KEY (token_id, address, app)) STRICT, WITHOUT ROWID;";

/* Accounts that nobody signs in to, and who keeps them. */
static const char custodians_sql[] =
    "ALTER TABLE users ADD COLUMN service INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX users_of_kind ON users (service, username_key);"

    "CREATE TABLE custodians ("
    " account_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
    " user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
    " PRIMARY KEY (account_id, user_id)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX custodians_of_user ON custodians (user_id, account_id);"

    "CREATE TABLE custodian_groups ("
    " account_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
    " group_id INTEGER NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,"
    " PRIMARY KEY (account_id, group_id)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX custodian_groups_of_group"
    " ON custodian_groups (group_id, account_id);";

static const char usage_sql[] =
    "ALTER TABLE tokens ADD COLUMN last_addresses TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE tokens ADD COLUMN superseded_used_at INTEGER NOT NULL"
    " DEFAULT 0;"
    "ALTER TABLE tokens ADD COLUMN superseded_used_address TEXT NOT NULL"
    " DEFAULT '';"
    /* Until now uses were noted by token: its one secret had them. */
    "UPDATE secrets SET last_used_at = (SELECT t.last_used_at FROM tokens t"
    " WHERE t.id = secrets.token_id) WHERE ends_at = 0 AND last_used_at = 0"
    " AND NOT EXISTS (SELECT 1 FROM secrets o WHERE o.token_id ="
    " secrets.token_id AND o.id <> secrets.id);"

    /* Days since 1970; outcomes are the numbers of enum pn_reason. */
    "CREATE TABLE usage_of_tokens ("
    " day INTEGER NOT NULL,"
    " token_id INTEGER NOT NULL,"
    " outcome INTEGER NOT NULL,"
    " count INTEGER NOT NULL,"
    " PRIMARY KEY (day, token_id, outcome)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE usage_of_apps ("
    " day INTEGER NOT NULL,"
    " app TEXT NOT NULL,"
    " outcome INTEGER NOT NULL,"
    " count INTEGER NOT NULL,"
    " PRIMARY KEY (day, app, outcome)) STRICT, WITHOUT ROWID;";

/* Salts, and a second version of the chain; two acts may take something away
 * again (audit_keep.c), each while audit_guard says so. */
static const char audit_sql[] =
    "ALTER TABLE audit ADD COLUMN personal TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE audit ADD COLUMN salts BLOB;"
    "ALTER TABLE audit ADD COLUMN seals BLOB;" /* NULL: nothing is erased */
    "ALTER TABLE audit ADD COLUMN erased_who INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE audit ADD COLUMN erased_whom INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE audit ADD COLUMN erased_what INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE audit ADD COLUMN old_hash BLOB;"

    "CREATE TABLE audit_anchor ("
    " id INTEGER PRIMARY KEY CHECK (id = 1),"
    " position INTEGER NOT NULL," /* of the last event that was removed */
    " hash BLOB NOT NULL,"
    " old_hash BLOB,"
    " event_position INTEGER NOT NULL) STRICT;" /* of the act */

    "CREATE TABLE audit_guard ("
    " id INTEGER PRIMARY KEY CHECK (id = 1),"
    " trim_up_to INTEGER NOT NULL,"
    " erasing INTEGER NOT NULL) STRICT;"
    "INSERT INTO audit_guard VALUES (1, 0, 0);";

static const char audit_sqlite[] = "DROP TRIGGER audit_keeps_rows;"
                                   "DROP TRIGGER audit_keeps_content;";

static const char audit_postgres[] =
    "DROP TRIGGER audit_keeps_rows ON audit;"
    "DROP TRIGGER audit_keeps_content ON audit;";

static const char audit_guard_sql[] =
    "CREATE TABLE audit_sinks ("
    " name TEXT PRIMARY KEY,"
    " position INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

#define MAY_GO  "(SELECT trim_up_to FROM audit_guard WHERE id = 1)"
#define ERASING "(SELECT erasing FROM audit_guard WHERE id = 1)"
#define OTHER_EVENT                                                            \
    " NEW.position <> OLD.position OR NEW.at <> OLD.at"                        \
    " OR NEW.actor_kind <> OLD.actor_kind OR NEW.action <> OLD.action"         \
    " OR NEW.detail <> OLD.detail OR NEW.request_id <> OLD.request_id"         \
    " OR NEW.hash <> OLD.hash"

static const char audit_guard_sqlite[] =
    "CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit"
    " WHEN OLD.position > " MAY_GO
    " BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;"
    "CREATE TRIGGER audit_keeps_content BEFORE UPDATE ON audit"
    " WHEN " ERASING " <> 1 OR" OTHER_EVENT
    " BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;";

static const char audit_guard_postgres[] =
    "CREATE FUNCTION audit_keeps_rows() RETURNS trigger"
    " LANGUAGE plpgsql AS 'BEGIN IF OLD.position > " MAY_GO
    " THEN RAISE EXCEPTION ''audit is append-only''; END IF;"
    " RETURN OLD; END';"
    "CREATE FUNCTION audit_keeps_content() RETURNS trigger"
    " LANGUAGE plpgsql AS 'BEGIN IF " ERASING " <> 1 OR" OTHER_EVENT
    " THEN RAISE EXCEPTION ''audit is append-only''; END IF;"
    " RETURN NEW; END';"
    "CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit"
    " FOR EACH ROW EXECUTE FUNCTION audit_keeps_rows();"
    "CREATE TRIGGER audit_keeps_content BEFORE UPDATE ON audit"
    " FOR EACH ROW EXECUTE FUNCTION audit_keeps_content();";

/* Every filter and every order of a list of tokens has an index. */
static const char lists_sql[] =
    "ALTER TABLE tokens ADD COLUMN ends_at INTEGER GENERATED ALWAYS AS ("
    "CASE WHEN expires_at = 0 AND policy_expires_at = 0"
    " THEN 9223372036854775807"
    " WHEN expires_at = 0 OR (policy_expires_at <> 0"
    " AND policy_expires_at < expires_at) THEN policy_expires_at"
    " ELSE expires_at END) VIRTUAL;"
    "ALTER TABLE tokens ADD COLUMN has_ip INTEGER GENERATED ALWAYS AS ("
    "CASE WHEN rules LIKE '%\"ip_rules\":null%' THEN 0 ELSE 1 END) VIRTUAL;"
    "CREATE INDEX tokens_by_name ON tokens (name_key, id);"
    "CREATE INDEX tokens_by_end ON tokens (ends_at, id);"
    "CREATE INDEX tokens_by_use ON tokens (last_used_at, id);"
    "CREATE INDEX tokens_revoked ON tokens (id) WHERE revoked_at <> 0;"
    "CREATE INDEX tokens_disabled ON tokens (id) WHERE disabled = 1;"
    "CREATE INDEX tokens_later ON tokens (not_before) WHERE not_before <> 0;"
    "CREATE INDEX tokens_anywhere ON tokens (id) WHERE has_ip = 0;";

/* Few beside all tokens, looked for with every change of the policy. */
static const char policy_ends_sql[] =
    "CREATE INDEX tokens_ended_by_policy ON tokens (owner_id, id)"
    " WHERE policy_expires_at <> 0;";

/* ending: PN_HANDOVER_WAITING, … of daemon/model/model.h */
static const char handovers_sql[] =
    "CREATE TABLE handovers ("
    " id INTEGER PRIMARY KEY,"
    " code_hash BLOB NOT NULL UNIQUE,"
    " owner_id INTEGER NOT NULL,"
    " owner_name TEXT NOT NULL,"
    " settings TEXT NOT NULL,"
    " made_by_id INTEGER NOT NULL," /* 0: not a user */
    " made_by TEXT NOT NULL,"
    " made_at INTEGER NOT NULL,"
    " expires_at INTEGER NOT NULL,"
    " ending INTEGER NOT NULL,"
    " ended_at INTEGER NOT NULL,"
    " ended_by TEXT NOT NULL,"
    " token_id INTEGER NOT NULL) STRICT;"
    "CREATE INDEX handovers_of_owner ON handovers (owner_id, id);"
    "CREATE INDEX handovers_by_maker ON handovers (made_by_id, id);"
    "CREATE INDEX handovers_by_end ON handovers (expires_at);";

/* What address rules in report mode would have refused: address_reports.h.
 * The first table of that name was never written to. */
static const char address_reports_sql[] =
    "DROP TABLE ip_reports;"
    "CREATE TABLE address_reports ("
    " id INTEGER PRIMARY KEY,"
    " token_id INTEGER NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,"
    " rule INTEGER NOT NULL," /* enum pn_reporter */
    " app TEXT NOT NULL,"
    " address TEXT NOT NULL," /* '' = further ones */
    " uses INTEGER NOT NULL,"
    " first_at INTEGER NOT NULL,"
    " last_at INTEGER NOT NULL,"
    " UNIQUE (token_id, rule, app, address)) STRICT;"
    "CREATE INDEX address_reports_by_end ON address_reports (last_at);"

    "CREATE TABLE address_report_days ("
    " rule INTEGER NOT NULL,"
    " app TEXT NOT NULL," /* '' for the policy's rule */
    " day INTEGER NOT NULL,"
    " fresh INTEGER NOT NULL,"  /* rows begun */
    " beyond INTEGER NOT NULL," /* uses without a row */
    " PRIMARY KEY (rule, app, day)) STRICT, WITHOUT ROWID;";

/* Names that accounts had before they were renamed. */
static const char former_names_sql[] =
    "CREATE TABLE former_names ("
    " username_key TEXT NOT NULL,"
    " user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
    " PRIMARY KEY (username_key, user_id)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX former_names_of_user ON former_names (user_id);";

/* Tokens that nobody uses: unused.h.  unused_since: from when on policies had
 * such a rule, without a break. */
static const char unused_sql[] =
    "ALTER TABLE tokens ADD COLUMN disabled_unused INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE policies ADD COLUMN unused_since INTEGER NOT NULL DEFAULT 0;"
    "UPDATE policies SET unused_since = made_at"
    " WHERE document LIKE '%\"disable_unused_days\":%'"
    " AND document NOT LIKE '%\"disable_unused_days\":null%';"
    "CREATE INDEX tokens_to_disable ON tokens (disable_at, id)"
    " WHERE disable_at <> 0;"
    "CREATE INDEX tokens_marked ON tokens (id) WHERE disable_at <> 0;"

    "CREATE TABLE job_runs ("
    " name TEXT PRIMARY KEY,"
    " ran_at INTEGER NOT NULL,"
    " hold_until INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

const struct pn_schema_step pn_schema_steps[] = {
    {"people", people_sql, NULL},
    {"tokens", tokens_sql, NULL},
    {"history", history_sql, NULL},
    {"enforcement", enforcement_sql, NULL},
    {"custodians", custodians_sql, NULL},
    {"usage", usage_sql, NULL},
    {"audit", audit_sql, pn_chain_upgrade},
    {"audit_guard", audit_guard_sql, NULL},
    {"lists", lists_sql, NULL},
    {"policy ends", policy_ends_sql, NULL},
    {"handovers", handovers_sql, NULL},
    {"address reports", address_reports_sql, NULL},
    {"former names", former_names_sql, NULL},
    {"unused", unused_sql, NULL},
};

const size_t pn_schema_step_count = PN_LEN(pn_schema_steps);

const struct pn_schema_own_step pn_schema_own_steps[] = {
    {"history", history_sqlite, history_postgres},
    {"audit", audit_sqlite, audit_postgres},
    {"audit_guard", audit_guard_sqlite, audit_guard_postgres},
};

const size_t pn_schema_own_step_count = PN_LEN(pn_schema_own_steps);

/* SPDX-License-Identifier: Apache-2.0 */
/* JSON descriptions to index records.  Test code: memory ends with the
 * process, errors end the process. */
#include "spec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/str.h"
#include "core/record.h"
#include "core/token.h"
#include "members.h"

void
die(const char *format, ...)
{
    va_list ap;

    fputs("mkindex: ", stderr);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(2);
}

void
must(enum pn_err err, const char *what)
{
    if (err != PN_OK) {
        die("%s: %s", what, pn_err_text(err));
    }
}

uint64_t
spec_id(const char *kind, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */

    for (; *kind != '\0'; kind++) {
        hash = (hash ^ (uint8_t) *kind) * 0x100000001b3;
    }
    for (; *name != '\0'; name++) {
        hash = (hash ^ (uint8_t) *name) * 0x100000001b3;
    }
    return (hash >> 1) | 1;
}

static int
hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void
spec_hash(const char *text, struct pn_hash *out)
{
    size_t digits = strspn(text, "0123456789abcdef");

    if (digits != 2 * (size_t) PN_HASH_LEN || text[digits] != '\0') {
        pn_hash_of(pn_str_from(text), out);
        return;
    }
    for (size_t i = 0; i < PN_HASH_LEN; i++) {
        out->bytes[i] =
            (uint8_t) (16 * hex(text[2 * i]) + hex(text[2 * i + 1]));
    }
}

static int
by_id(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* Names as ascending ids; bytes has room for LIST_MAX. */
static bool
ids_of(json_t *object, const char *name, const char *kind, uint64_t *bytes,
       struct pn_ids *out)
{
    const char *names[LIST_MAX];
    uint16_t count;
    bool given = list_of(object, name, names, &count);

    for (uint16_t i = 0; i < count; i++) {
        bytes[i] = spec_id(kind, names[i]);
    }
    qsort(bytes, count, sizeof(*bytes), by_id);
    *out = (struct pn_ids){(const uint8_t *) bytes, count};
    return given;
}

static uint16_t
texts_of(json_t *object, const char *name, const char *otherwise,
         struct pn_str *out)
{
    const char *names[LIST_MAX];
    uint16_t count;

    if (!list_of(object, name, names, &count) && otherwise != NULL) {
        names[0] = otherwise;
        count = 1;
    }
    for (uint16_t i = 0; i < count; i++) {
        out[i] = pn_str_from(names[i]);
    }
    return count;
}

static uint16_t
ranges_of(json_t *object, const char *name, struct pn_iprange *out)
{
    json_t *list = json_object_get(object, name);
    json_t *item;
    uint16_t count = 0;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *text = json_is_object(item) ? name_of(item, "range")
                                                : json_string_value(item);

        if (text == NULL || count == PN_IPRANGES_MAX) {
            die("'%s': at most %d ranges are wanted", name, PN_IPRANGES_MAX);
        }
        must(pn_iprange_parse(pn_str_from(text), &out[count++]), text);
    }
    return count;
}

struct rule_space {
    struct pn_iprange allow[PN_IPRANGES_MAX], deny[PN_IPRANGES_MAX];
};

static bool
ip_rules_of(json_t *object, struct rule_space *space, struct pn_iprules *out)
{
    json_t *rules = json_object_get(object, "ip_rules");

    if (rules == NULL || json_is_null(rules)) {
        return false;
    }
    check_members("ip_rules", rules, "mode default allow deny");
    out->mode = (enum pn_ipmode) choice_of(rules, "default", "deny allow");
    out->allow = space->allow;
    out->deny = space->deny;
    out->allow_count = ranges_of(rules, "allow", space->allow);
    out->deny_count = ranges_of(rules, "deny", space->deny);
    return true;
}

static void
put_policy(struct pn_index_writer *writer, json_t *doc)
{
    static struct rule_space space;
    static char bytes[PN_RECORD_MAX];
    struct pn_buf buf = PN_BUF(bytes);
    struct pn_policy_record rec = {0};
    json_t *creation = json_object_get(doc, "creation");
    json_t *ip = json_object_get(doc, "ip_rules");
    uint64_t groups[LIST_MAX];
    json_t *grant;
    uint16_t count = 0;
    size_t i;

    check_members("policy", doc,
                  "creation ip_rules tls_required prefixes admin_groups "
                  "auditor_groups");
    json_array_foreach(json_object_get(creation, "grants"), i, grant)
    {
        const char *group = text_of(grant, "group", NULL);

        if (group == NULL) {
            rec.creation_everyone = true;
        } else if (count < LIST_MAX) {
            groups[count++] = spec_id("group", group);
        }
    }
    qsort(groups, count, sizeof(*groups), by_id);
    rec.grant_groups = (struct pn_ids){(const uint8_t *) groups, count};
    rec.creation_enabled = flag_of(creation, "enabled", false);
    rec.on_loss =
        (enum pn_on_loss) choice_of(creation, "on_loss", "suspend keep");
    rec.read_only = flag_of(creation, "read_only", false);
    rec.tls_required = flag_of(doc, "tls_required", true);
    rec.has_ip = ip_rules_of(doc, &space, &rec.ip);
    rec.ip_report = (enum pn_ip_report) choice_of(ip, "mode", "enforce report");
    rec.prefixes.count = (uint8_t) texts_of(
        doc, "prefixes", PN_TOKEN_PREFIX_DEFAULT, rec.prefixes.item);
    must(pn_policy_record_encode(&rec, &buf), "policy");
    must(pn_index_put_policy(writer, pn_buf_str(&buf)), "policy");
}

void
spec_open_policy(struct pn_index_writer *writer)
{
    json_t *doc;

    must(pn_json_parse(
             PN_STR("{\"tls_required\":false,\"creation\":{\"enabled\":"
                    "true,\"grants\":[{\"group\":null}]}}"),
             &doc, NULL, 0),
         "policy");
    put_policy(writer, doc);
    json_decref(doc);
}

static struct pn_str
header_of(json_t *identity, const char *name, const char *otherwise)
{
    return pn_str_from(text_of(identity, name, otherwise));
}

static void
put_app(struct pn_index_writer *writer, json_t *doc)
{
    static struct rule_space space;
    static char bytes[PN_RECORD_MAX];
    struct pn_buf buf = PN_BUF(bytes);
    json_t *identity = json_object_get(doc, "identity");
    struct pn_str paths[LIST_MAX], reads[LIST_MAX];
    struct pn_app_record rec = {0};
    const char *name = name_of(doc, "name");
    json_t *status = json_object_get(doc, "block_status");
    uint64_t groups[LIST_MAX];

    check_members("app", doc,
                  "name url paths reads passwords foreign_bearer challenge "
                  "cookies allow_encoded_slash ip_rules groups whoami identity "
                  "context_path block_status");
    rec.app_id = spec_id("app", name);
    rec.name = pn_str_from(name);
    rec.context_path = pn_str_from(text_of(doc, "context_path", ""));
    rec.passwords =
        (enum pn_foreign) choice_of(doc, "passwords", "forward report block");
    rec.foreign_bearer = (enum pn_foreign) choice_of(doc, "foreign_bearer",
                                                     "forward report block");
    rec.block_status =
        (uint16_t) (status == NULL ? 403 : json_integer_value(status));
    rec.challenge =
        (enum pn_challenge) choice_of(doc, "challenge", "auto always never");
    rec.cookies = (enum pn_cookies) choice_of(doc, "cookies", "strip keep");
    rec.encoded_slash = flag_of(doc, "allow_encoded_slash", false)
                            ? PN_APP_SLASH_ALLOWED
                            : PN_APP_SLASH_REFUSED;
    rec.user_value = (enum pn_user_value) choice_of(identity, "user_value",
                                                    "username email");
    rec.keep_authorization = flag_of(identity, "keep_authorization", false);
    rec.has_ip = ip_rules_of(doc, &space, &rec.ip);
    rec.ip_report = (enum pn_ip_report) choice_of(
        json_object_get(doc, "ip_rules"), "mode", "enforce report");
    rec.has_groups = ids_of(doc, "groups", "group", groups, &rec.groups);
    rec.user_header = header_of(identity, "user_header", "Remote-User");
    rec.groups_header = header_of(identity, "groups_header", "Remote-Groups");
    rec.name_header = header_of(identity, "name_header", "Remote-Name");
    rec.email_header = header_of(identity, "email_header", "Remote-Email");
    rec.path_count = texts_of(doc, "paths", "/**", paths);
    rec.read_count = texts_of(doc, "reads", NULL, reads);
    must(pn_app_record_encode(&rec, paths, reads, &buf), name);
    must(pn_index_put_app(writer, rec.name, pn_buf_str(&buf)), name);
}

static void
put_owner(struct pn_index_writer *writer, json_t *doc)
{
    static char bytes[PN_RECORD_MAX], joined[PN_RECORD_MAX];
    struct pn_buf buf = PN_BUF(bytes), names = PN_BUF(joined);
    const char *name = name_of(doc, "username");
    struct pn_owner_record rec = {.owner_id = spec_id("user", name),
                                  .username = pn_str_from(name)};
    const char *groups[LIST_MAX];
    uint64_t ids[LIST_MAX];
    uint16_t count;

    check_members("owner", doc,
                  "username display_name email groups role active source");
    rec.email = pn_str_from(text_of(doc, "email", ""));
    rec.display_name = pn_str_from(text_of(doc, "display_name", ""));
    if (flag_of(doc, "active", true)) {
        rec.flags |= PN_OWNER_ACTIVE;
    }
    if (choice_of(doc, "role", "user auditor admin") == 2) {
        rec.flags |= PN_OWNER_ADMIN;
    }
    (void) ids_of(doc, "groups", "group", ids, &rec.groups);
    (void) list_of(doc, "groups", groups, &count);
    for (uint16_t i = 0; i < count; i++) {
        pn_buf_add_cstr(&names, i == 0 ? "" : ",");
        pn_buf_add_cstr(&names, groups[i]);
    }
    rec.group_names = pn_buf_str(&names);
    must(pn_owner_record_encode(&rec, &buf), name);
    must(pn_index_put_owner(writer, rec.owner_id, pn_buf_str(&buf)), name);
}

/* The token's own rules, encoded; empty when it has none. */
static struct pn_str
rules_of(json_t *doc)
{
    static struct rule_space space;
    static char bytes[PN_RECORD_MAX];
    struct pn_buf buf = PN_BUF(bytes);
    json_t *rate = json_object_get(doc, "rate_limit");
    struct pn_str paths[LIST_MAX];
    struct pn_rules_record rec = {0};
    uint64_t apps[LIST_MAX];

    rec.has_apps = ids_of(doc, "apps", "app", apps, &rec.apps);
    rec.has_ip = ip_rules_of(doc, &space, &rec.ip);
    rec.path_count = texts_of(doc, "paths", NULL, paths);
    rec.has_paths = rec.path_count != 0;
    if (json_is_object(rate)) {
        rec.rate_requests =
            (uint32_t) json_integer_value(json_object_get(rate, "requests"));
        rec.rate_seconds =
            (uint32_t) json_integer_value(json_object_get(rate, "seconds"));
    }
    if (!rec.has_apps && !rec.has_ip && !rec.has_paths
        && rec.rate_requests == 0) {
        return (struct pn_str){0};
    }
    must(pn_rules_record_encode(&rec, paths, &buf), "rules");
    return pn_buf_str(&buf);
}

/* The token's hash, from its text or digits, or of one made now. */
static void
token_hash(json_t *doc, const char *name, struct pn_hash *out)
{
    const char *text = text_of(doc, "token", text_of(doc, "hash", NULL));
    uint8_t entropy[PN_TOKEN_ENTROPY_BYTES];
    struct pn_secret secret;

    if (text != NULL) {
        spec_hash(text, out);
        return;
    }
    if (getrandom(entropy, sizeof(entropy), 0) != sizeof(entropy)) {
        die("no random bytes");
    }
    must(pn_token_make(PN_STR(PN_TOKEN_PREFIX_DEFAULT), entropy, &secret),
         name);
    printf("%s %s\n", name, secret.bytes);
    pn_hash_of(pn_str_from(secret.bytes), out);
}

static void
put_token(struct pn_index_writer *writer, json_t *doc)
{
    static char bytes[PN_RECORD_MAX];
    struct pn_buf buf = PN_BUF(bytes);
    const char *name = text_of(doc, "name", "token");
    struct pn_token_record rec = {0};
    struct pn_hash hash;

    check_members("token", doc,
                  "token hash id owner name access apps ip_rules paths "
                  "rate_limit not_before expires_at secret_ends_at revoked "
                  "disabled superseded manages");
    token_hash(doc, name, &hash);
    memcpy(rec.hash_rest, hash.bytes + PN_HASH_KEY_LEN, sizeof(rec.hash_rest));
    rec.token_id = (uint64_t) json_integer_value(json_object_get(doc, "id"));
    if (rec.token_id == 0) {
        memcpy(&rec.token_id, hash.bytes, sizeof(rec.token_id));
        rec.token_id = (rec.token_id >> 1) | 1;
    }
    rec.owner_id = spec_id("user", name_of(doc, "owner"));
    rec.not_before = instant_of(doc, "not_before");
    rec.expires_at = instant_of(doc, "expires_at");
    rec.secret_ends_at = instant_of(doc, "secret_ends_at");
    rec.access = choice_of(doc, "access", "read-write read-only") == 1
                     ? PN_ACCESS_READ_ONLY
                     : PN_ACCESS_READ_WRITE;
    rec.flags =
        (uint8_t) ((flag_of(doc, "revoked", false) ? PN_TOKEN_REVOKED : 0)
                   | (flag_of(doc, "disabled", false) ? PN_TOKEN_DISABLED : 0)
                   | (flag_of(doc, "superseded", false) ? PN_TOKEN_SUPERSEDED
                                                        : 0)
                   | (flag_of(doc, "manages", false) ? PN_TOKEN_MANAGES : 0));
    rec.rules = rules_of(doc);
    must(pn_token_record_encode(&rec, &buf), name);
    must(pn_index_put_token(writer, &hash, pn_buf_str(&buf)), name);
    must(pn_index_put_token_name(writer, rec.token_id, pn_str_from(name)),
         name);
}

static void
for_each(struct pn_index_writer *writer, json_t *list,
         void (*put)(struct pn_index_writer *, json_t *))
{
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        put(writer, item);
    }
}

static void
del_token(struct pn_index_writer *writer, json_t *item)
{
    struct pn_hash hash;

    spec_hash(json_string_value(item), &hash);
    must(pn_index_del_token(writer, &hash), "delete");
}

static void
del_app(struct pn_index_writer *writer, json_t *item)
{
    must(pn_index_del_app(writer, pn_str_from(json_string_value(item))),
         "delete");
}

static void
del_owner(struct pn_index_writer *writer, json_t *item)
{
    uint64_t id = spec_id("user", json_string_value(item));

    must(pn_index_del_owner(writer, id), "delete");
}

void
spec_apply(struct pn_index_writer *writer, json_t *doc)
{
    json_t *policy = json_object_get(doc, "policy");
    json_t *gone = json_object_get(doc, "delete");

    check_members("description", doc,
                  "epoch stale_after_s policy apps owners users tokens delete");
    if (policy != NULL) {
        put_policy(writer, policy);
    }
    for_each(writer, json_object_get(doc, "apps"), put_app);
    for_each(writer, json_object_get(doc, "owners"), put_owner);
    for_each(writer, json_object_get(doc, "users"), put_owner);
    for_each(writer, json_object_get(doc, "tokens"), put_token);
    for_each(writer, json_object_get(gone, "tokens"), del_token);
    for_each(writer, json_object_get(gone, "apps"), del_app);
    for_each(writer, json_object_get(gone, "owners"), del_owner);
}

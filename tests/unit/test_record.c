/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records: what was encoded is decoded; a flipped bit or a cut is damage; what
 * no record may hold is refused by the encoder.
 */
#include "check.h"

#include "core/record.h"
#include "core/sum.h"

static char bytes[PN_RECORD_MAX + 100];

static struct pn_buf
fresh(void)
{
    return PN_BUF(bytes);
}

/* 3, 5, 2^63: ascending. */
static const uint8_t three_ids[] = {3, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0,
                                    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80};
static const struct pn_ids three = {three_ids, 3};

static const struct pn_token_record token = {
    .hash_rest = {1, 2, 3, [15] = 16},
    .token_id = 0x1122334455667788,
    .owner_id = 42,
    .not_before = 1000,
    .expires_at = 2000,
    .secret_ends_at = 1500,
    .access = PN_ACCESS_READ_WRITE,
    .flags = PN_TOKEN_DISABLED | PN_TOKEN_MANAGES,
    .rules = {"rules", 5},
};

static void
test_token_record_has_the_documented_bytes(void **state)
{
    struct pn_buf buf = fresh();
    struct pn_token_record back;
    static const uint8_t middle[] = {0x88, 0x77, 0x66, 0x55, 0x44,
                                     0x33, 0x22, 0x11, 42,   0};
    static const uint8_t end[] = {0xdc, 0x05, 0, 0, 0, 0,  0, 0,
                                  5,    0,    0, 0, 1, 10, 0, 0};
    uint64_t sum;

    (void) state;
    assert_int_equal(pn_token_record_encode(&token, &buf), PN_OK);
    assert_int_equal(buf.len, PN_RECORD_TOKEN_LEN + 5);
    assert_memory_equal(bytes, token.hash_rest, 16);
    assert_memory_equal(bytes + 16, middle, sizeof(middle));
    assert_memory_equal(bytes + 48, end, sizeof(end));
    memcpy(&sum, bytes + 64, 8);
    assert_true(sum == pn_sum(bytes, 64));
    assert_memory_equal(bytes + 72, "rules", 5);
    assert_int_equal(pn_token_record_decode(pn_buf_str(&buf), &back), PN_OK);
    assert_memory_equal(back.hash_rest, token.hash_rest, 16);
    assert_true(back.token_id == token.token_id);
    assert_int_equal(back.owner_id, 42);
    assert_int_equal(back.not_before, 1000);
    assert_int_equal(back.expires_at, 2000);
    assert_int_equal(back.secret_ends_at, 1500);
    assert_int_equal(back.access, token.access);
    assert_int_equal(back.flags, token.flags);
    assert_true(pn_str_eq(back.rules, token.rules));
}

static void
test_token_records_no_decision_could_use_are_refused(void **state)
{
    static const char long_rules[PN_RECORD_MAX];
    struct pn_token_record bad[8];
    struct pn_buf buf = fresh();

    (void) state;
    for (size_t i = 0; i < PN_LEN(bad); i++) {
        bad[i] = token;
    }
    bad[0].token_id = 0;
    bad[1].owner_id = 0;
    bad[2].not_before = -1;
    bad[3].expires_at = -1;
    bad[4].secret_ends_at = -1;
    bad[5].flags = 1 << 7;
    bad[6].access = (enum pn_access) 2;
    bad[7].access = (enum pn_access) - 1;
    for (size_t i = 0; i < PN_LEN(bad); i++) {
        assert_int_equal(pn_token_record_encode(&bad[i], &buf), PN_E_RANGE);
        assert_int_equal(buf.len, 0);
    }
    for (size_t cap = 0; cap < PN_RECORD_TOKEN_LEN + 5; cap++) {
        buf.cap = cap;
        assert_int_equal(pn_token_record_encode(&token, &buf), PN_E_TOO_LONG);
        assert_int_equal(buf.len, 0);
        assert_false(buf.full);
    }
    buf = fresh();
    bad[0] = token;
    bad[0].rules = (struct pn_str){long_rules, sizeof(long_rules)};
    assert_int_equal(pn_token_record_encode(&bad[0], &buf), PN_E_TOO_LONG);
    assert_int_equal(buf.len, 0);
}

/* A token whose rules went missing would be a token without any. */
static void
test_a_token_is_damaged_unless_all_its_rules_are_there(void **state)
{
    struct pn_buf buf = fresh();
    struct pn_token_record back;
    struct pn_str text;

    (void) state;
    assert_int_equal(pn_token_record_encode(&token, &buf), PN_OK);
    text = pn_buf_str(&buf);
    for (text.len = 0; text.len < buf.len; text.len++) {
        assert_int_equal(pn_token_record_decode(text, &back), PN_E_DAMAGED);
    }
    text.len++;
    assert_int_equal(pn_token_record_decode(text, &back), PN_E_DAMAGED);
}

static const struct pn_owner_record owner = {
    .owner_id = 42,
    .flags = PN_OWNER_ACTIVE | PN_OWNER_ADMIN,
    .username = {"j\xc3\xb6rg", 5},
    .email = {"j@example.com", 13},
    .display_name = {"J", 1},
    .groups = {three_ids, 3},
    .group_names = {"a,b,c", 5},
};

static const struct pn_str paths[] = {{"/rest/**", 8}, {"GET /a", 6}};
static const struct pn_str reads[] = {{"POST /**/x", 10}};

static struct pn_iprange ranges[2];

static struct pn_iprules
ip_rules(void)
{
    assert_int_equal(pn_iprange_parse(PN_STR("10.0.0.0/8"), &ranges[0]), PN_OK);
    assert_int_equal(pn_iprange_parse(PN_STR("10.1.0.0/16"), &ranges[1]),
                     PN_OK);
    return (struct pn_iprules){PN_IP_DEFAULT_ALLOW, ranges, ranges + 1, 1, 1};
}

static struct pn_rules_record
rules(void)
{
    return (struct pn_rules_record){
        .has_apps = true,
        .has_ip = true,
        .has_paths = true,
        .apps = three,
        .ip = ip_rules(),
        .path_count = 2,
        .rate_requests = 600,
        .rate_seconds = 60,
    };
}

static struct pn_app_record
app(void)
{
    return (struct pn_app_record){
        .app_id = 9,
        .name = PN_STR("jira"),
        .context_path = PN_STR("/jira"),
        .passwords = PN_FOREIGN_REPORT,
        .foreign_bearer = PN_FOREIGN_BLOCK,
        .block_status = 401,
        .challenge = PN_CHALLENGE_NEVER,
        .cookies = PN_COOKIES_KEEP,
        .encoded_slash = PN_APP_SLASH_ALLOWED,
        .user_value = PN_USER_VALUE_EMAIL,
        .keep_authorization = true,
        .has_ip = true,
        .has_groups = true,
        .ip_report = PN_IP_REPORT,
        .ip = ip_rules(),
        .groups = three,
        .path_count = 2,
        .read_count = 1,
        .user_header = PN_STR("Remote-User"),
        .groups_header = PN_STR("Remote-Groups"),
        .name_header = PN_STR("Remote-Name"),
        .email_header = PN_STR(""),
    };
}

static struct pn_policy_record
policy(void)
{
    return (struct pn_policy_record){
        .creation_enabled = true,
        .creation_everyone = true,
        .on_loss = PN_ON_LOSS_KEEP,
        .tls_required = true,
        .read_only = true,
        .has_ip = true,
        .ip_report = PN_IP_REPORT,
        .ip = ip_rules(),
        .grant_groups = three,
        .prefixes = {{PN_STR("pst_"), PN_STR("old_")}, 2},
    };
}

static struct pn_pathpat patterns[2 * PN_PATHPATS_MAX];

/* Each kind by number, so that damage can be tried on all. */
enum kind { TOKEN = 0, OWNER, RULES, APP, POLICY, KINDS };

static struct pn_str
encode(enum kind kind)
{
    struct pn_buf buf = fresh();
    struct pn_rules_record r = rules();
    struct pn_app_record a = app();
    struct pn_policy_record p = policy();
    enum pn_err err = PN_E_STATE;

    switch (kind) {
    case TOKEN:
        err = pn_token_record_encode(&token, &buf);
        break;
    case OWNER:
        err = pn_owner_record_encode(&owner, &buf);
        break;
    case RULES:
        err = pn_rules_record_encode(&r, paths, &buf);
        break;
    case APP:
        err = pn_app_record_encode(&a, paths, reads, &buf);
        break;
    case POLICY:
        err = pn_policy_record_encode(&p, &buf);
        break;
    case KINDS:
        break;
    }
    assert_int_equal(err, PN_OK);
    return pn_buf_str(&buf);
}

static enum pn_err
decode(enum kind kind, struct pn_str text)
{
    struct pn_token_record t;
    struct pn_owner_record o;
    struct pn_rules_record r;
    struct pn_app_record a;
    struct pn_policy_record p;

    switch (kind) {
    case TOKEN:
        return pn_token_record_decode(text, &t);
    case OWNER:
        return pn_owner_record_decode(text, &o);
    case RULES:
        return pn_rules_record_decode(text, &r);
    case APP:
        return pn_app_record_decode(text, patterns, &a);
    case POLICY:
        return pn_policy_record_decode(text, &p);
    case KINDS:
        break;
    }
    return PN_E_STATE;
}

static void
test_any_flipped_bit_is_damage(void **state)
{
    (void) state;
    for (int kind = TOKEN; kind < KINDS; kind++) {
        struct pn_str text = encode((enum kind) kind);
        /* A token's rules have a sum of their own. */
        size_t len = kind == TOKEN ? (size_t) PN_RECORD_TOKEN_LEN : text.len;

        assert_int_equal(decode((enum kind) kind, text), PN_OK);
        for (size_t bit = 0; bit < 8 * len; bit++) {
            bytes[bit / 8] = (char) (bytes[bit / 8] ^ 1 << bit % 8);
            assert_int_equal(decode((enum kind) kind, text), PN_E_DAMAGED);
            bytes[bit / 8] = (char) (bytes[bit / 8] ^ 1 << bit % 8);
        }
    }
}

/* The same with a checksum that fits: never a crash, never a read past the
 * end (AddressSanitizer sees one), and not accepted when it was cut. */
static void
test_a_cut_record_is_damage_even_with_a_fitting_checksum(void **state)
{
    (void) state;
    for (int kind = OWNER; kind < KINDS; kind++) {
        size_t whole = encode((enum kind) kind).len;

        for (size_t len = 0; len < whole; len++) {
            struct pn_str text = encode((enum kind) kind);
            char *copy = malloc(len + 1);

            assert_non_null(copy);
            memcpy(copy, text.ptr, len);
            if (len >= PN_SUM_LEN) {
                uint64_t sum = pn_sum(copy, len - PN_SUM_LEN);

                memcpy(copy + len - PN_SUM_LEN, &sum, PN_SUM_LEN);
            }
            assert_int_equal(
                decode((enum kind) kind, (struct pn_str){copy, len}),
                PN_E_DAMAGED);
            free(copy);
        }
    }
}

static void
test_no_kind_reads_as_another(void **state)
{
    (void) state;
    for (int made = TOKEN; made < KINDS; made++) {
        struct pn_str text = encode((enum kind) made);

        for (int read = TOKEN; read < KINDS; read++) {
            assert_int_equal(decode((enum kind) read, text),
                             read == made ? PN_OK : PN_E_DAMAGED);
        }
    }
}

static void
test_owners_read_back(void **state)
{
    struct pn_owner_record back;

    (void) state;
    assert_int_equal(pn_owner_record_decode(encode(OWNER), &back), PN_OK);
    assert_int_equal(back.owner_id, 42);
    assert_int_equal(back.flags, owner.flags);
    assert_true(pn_str_eq(back.username, owner.username));
    assert_true(pn_str_eq(back.email, owner.email));
    assert_true(pn_str_eq(back.display_name, owner.display_name));
    assert_true(pn_str_eq(back.group_names, owner.group_names));
    assert_int_equal(back.groups.count, 3);
    assert_true(pn_ids_has(back.groups, (uint64_t) 1 << 63));
}

static void
test_rules_read_back(void **state)
{
    struct pn_rules_record back;

    (void) state;
    assert_int_equal(pn_rules_record_decode(encode(RULES), &back), PN_OK);
    assert_true(back.has_apps && back.has_ip && back.has_paths);
    assert_int_equal(back.apps.count, 3);
    assert_int_equal(back.ip.mode, PN_IP_DEFAULT_ALLOW);
    assert_int_equal(back.ip.allow_count, 1);
    assert_memory_equal(back.ip.deny, ranges + 1, sizeof(ranges[1]));
    assert_int_equal(back.path_count, 2);
    assert_int_equal(back.paths.len, 2 + 8 + 2 + 6);
    assert_int_equal(back.rate_requests, 600);
    assert_int_equal(back.rate_seconds, 60);
}

static void
test_apps_read_back_compiled(void **state)
{
    struct pn_app_record back, a = app();

    (void) state;
    assert_int_equal(pn_app_record_decode(encode(APP), patterns, &back), PN_OK);
    assert_int_equal(back.app_id, 9);
    assert_true(pn_str_eq(back.name, a.name));
    assert_true(pn_str_eq(back.context_path, a.context_path));
    assert_int_equal(back.passwords, a.passwords);
    assert_int_equal(back.foreign_bearer, a.foreign_bearer);
    assert_int_equal(back.block_status, 401);
    assert_int_equal(back.challenge, a.challenge);
    assert_int_equal(back.cookies, a.cookies);
    assert_int_equal(back.encoded_slash, a.encoded_slash);
    assert_int_equal(back.user_value, a.user_value);
    assert_true(back.keep_authorization);
    assert_true(back.has_ip && back.has_groups);
    assert_int_equal(back.ip_report, PN_IP_REPORT);
    assert_int_equal(back.path_count, 2);
    assert_int_equal(back.read_count, 1);
    assert_true(
        pn_pathpat_matches(&back.paths[0], PN_STR("PUT"), PN_STR("/rest/a")));
    assert_true(
        pn_pathpat_matches(&back.reads[0], PN_STR("POST"), PN_STR("/a/x")));
    assert_true(pn_str_eq(back.user_header, a.user_header));
    assert_true(pn_str_eq(back.groups_header, a.groups_header));
    assert_true(pn_str_eq(back.name_header, a.name_header));
    assert_int_equal(back.email_header.len, 0);
}

static void
test_policy_reads_back(void **state)
{
    struct pn_policy_record back;

    (void) state;
    assert_int_equal(pn_policy_record_decode(encode(POLICY), &back), PN_OK);
    assert_true(back.creation_enabled && back.creation_everyone);
    assert_true(back.tls_required && back.read_only && back.has_ip);
    assert_int_equal(back.on_loss, PN_ON_LOSS_KEEP);
    assert_int_equal(back.ip_report, PN_IP_REPORT);
    assert_int_equal(back.grant_groups.count, 3);
    assert_int_equal(back.prefixes.count, 2);
    assert_true(pn_str_eq(back.prefixes.item[1], PN_STR("old_")));
}

/* A name with a line end would forge a header. */
static void
test_owners_with_unfit_names_are_refused(void **state)
{
    static char long_name[2000];
    static const uint8_t descending[] = {5, 0, 0, 0, 0, 0, 0, 0,
                                         3, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t zero[8];
    struct pn_owner_record bad[10];
    struct pn_buf buf = fresh();

    (void) state;
    memset(long_name, 'a', sizeof(long_name));
    for (size_t i = 0; i < PN_LEN(bad); i++) {
        bad[i] = owner;
    }
    bad[0].username = PN_STR("a\r\nX: y");
    bad[1].username = PN_STR("");
    bad[2].username = (struct pn_str){long_name, 256};
    bad[3].email = PN_STR("\xff");
    bad[4].email = (struct pn_str){long_name, 1025};
    bad[5].display_name = PN_STR("a\nb");
    bad[6].group_names = PN_STR("a\tb");
    bad[7].groups = (struct pn_ids){descending, 2};
    bad[8].groups = (struct pn_ids){zero, 1};
    bad[9].flags = 1 << 7;
    for (size_t i = 0; i < PN_LEN(bad); i++) {
        assert_int_equal(pn_owner_record_encode(&bad[i], &buf), PN_E_RANGE);
    }
    bad[0] = owner;
    bad[0].owner_id = 0;
    assert_int_equal(pn_owner_record_encode(&bad[0], &buf), PN_E_RANGE);
    buf.cap = 20;
    assert_int_equal(pn_owner_record_encode(&owner, &buf), PN_E_TOO_LONG);
    assert_false(buf.full);
}

static void
test_rules_with_unfit_values_are_refused(void **state)
{
    static struct pn_iprange many_ranges[PN_IPRANGES_MAX + 1];
    struct pn_str many[PN_PATHPATS_MAX + 1];
    struct pn_rules_record bad[4];
    struct pn_str wrong = PN_STR("rest");
    struct pn_buf buf = fresh();

    (void) state;
    for (size_t i = 0; i < PN_LEN(many); i++) {
        many[i] = PN_STR("/a");
    }
    for (size_t i = 0; i < PN_LEN(bad); i++) {
        bad[i] = rules();
    }
    bad[0].rate_seconds = 0;
    bad[1].ip.allow = many_ranges;
    bad[1].ip.allow_count = PN_IPRANGES_MAX + 1;
    bad[2].ip.mode = (enum pn_ipmode) 2;
    bad[3].path_count = PN_PATHPATS_MAX + 1;
    for (size_t i = 0; i < PN_LEN(bad); i++) {
        assert_int_equal(pn_rules_record_encode(&bad[i], many, &buf),
                         PN_E_RANGE);
    }
    bad[0] = rules();
    bad[0].path_count = 1;
    assert_int_equal(pn_rules_record_encode(&bad[0], &wrong, &buf), PN_E_RANGE);
    bad[0] = rules();
    ranges[0].net.bytes[15] = 1; /* a host bit */
    assert_int_equal(pn_rules_record_encode(&bad[0], paths, &buf), PN_E_RANGE);
}

static void
test_apps_with_unfit_values_are_refused(void **state)
{
    struct pn_app_record bad[14];
    struct pn_buf buf = fresh();

    (void) state;
    for (size_t i = 0; i < PN_LEN(bad); i++) {
        bad[i] = app();
    }
    bad[0].app_id = 0;
    bad[1].name = PN_STR("");
    bad[2].block_status = 404;
    bad[3].context_path = PN_STR("jira");
    bad[4].context_path = PN_STR("/jira/");
    bad[5].context_path = PN_STR("/*");
    bad[6].context_path = PN_STR("/..");
    bad[7].user_header = PN_STR("Remote User");
    bad[8].email_header = PN_STR("a:b");
    bad[9].passwords = (enum pn_foreign) 3;
    bad[10].challenge = (enum pn_challenge) 3;
    bad[11].cookies = (enum pn_cookies) 2;
    bad[12].user_value = (enum pn_user_value) 2;
    bad[13].groups_header =
        PN_STR("A23456789012345678901234567890123456789012345678901234567890"
               "12345");
    for (size_t i = 0; i < PN_LEN(bad); i++) {
        assert_int_equal(pn_app_record_encode(&bad[i], paths, reads, &buf),
                         PN_E_RANGE);
    }
}

static void
test_policies_with_unfit_values_are_refused(void **state)
{
    struct pn_policy_record bad[5];
    struct pn_buf buf = fresh();

    (void) state;
    for (size_t i = 0; i < PN_LEN(bad); i++) {
        bad[i] = policy();
    }
    bad[0].prefixes.count = 0;
    bad[1].prefixes.count = PN_TOKEN_PREFIXES_MAX + 1;
    bad[2].prefixes.item[1] = PN_STR("Bad");
    bad[3].on_loss = (enum pn_on_loss) 2;
    bad[4].ip_report = (enum pn_ip_report) 2;
    for (size_t i = 0; i < PN_LEN(bad); i++) {
        assert_int_equal(pn_policy_record_encode(&bad[i], &buf), PN_E_RANGE);
    }
}

/* The bits of set, 1 to 6, as a list of ids. */
static struct pn_ids
ids_of(unsigned set, uint8_t ids[64])
{
    struct pn_ids list = {ids, 0};

    memset(ids, 0, 64);
    for (unsigned n = 0; n < 6; n++) {
        if (set >> n & 1) {
            ids[8 * list.count++ + 7] = (uint8_t) (n + 1);
        }
    }
    return list;
}

/* Every pair of subsets of {1..6} against plain set arithmetic. */
static void
test_id_lists_agree_with_sets(void **state)
{
    (void) state;
    for (unsigned a = 0; a < 64; a++) {
        for (unsigned b = 0; b < 64; b++) {
            uint8_t ids[2][64];
            struct pn_ids list[2] = {ids_of(a, ids[0]), ids_of(b, ids[1])};

            assert_int_equal(pn_ids_meet(list[0], list[1]), (a & b) != 0);
            for (unsigned n = 0; n < 6; n++) {
                assert_int_equal(pn_ids_has(list[0], (uint64_t) (n + 1) << 56),
                                 a >> n & 1);
            }
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_record_has_the_documented_bytes),
        cmocka_unit_test(test_token_records_no_decision_could_use_are_refused),
        cmocka_unit_test(
            test_a_token_is_damaged_unless_all_its_rules_are_there),
        cmocka_unit_test(test_any_flipped_bit_is_damage),
        cmocka_unit_test(
            test_a_cut_record_is_damage_even_with_a_fitting_checksum),
        cmocka_unit_test(test_no_kind_reads_as_another),
        cmocka_unit_test(test_owners_read_back),
        cmocka_unit_test(test_rules_read_back),
        cmocka_unit_test(test_apps_read_back_compiled),
        cmocka_unit_test(test_policy_reads_back),
        cmocka_unit_test(test_owners_with_unfit_names_are_refused),
        cmocka_unit_test(test_rules_with_unfit_values_are_refused),
        cmocka_unit_test(test_apps_with_unfit_values_are_refused),
        cmocka_unit_test(test_policies_with_unfit_values_are_refused),
        cmocka_unit_test(test_id_lists_agree_with_sets),
    };

    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}

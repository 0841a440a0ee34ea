/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy makes of tokens: a table of policies before and after, tokens
 * and the expected effect.
 */
#include "daemon/ops/effect.h"

#include "store_fixture.h"

enum { STAFF = 10, OPS = 11, WORD_MAX = 64 };

static const char *cases = "";
static struct fixture *f;

/* The next word of a list that "+" separates; false at its end. */
static bool
next_word(struct pn_str *list, char word[WORD_MAX])
{
    struct pn_str head = *list, tail = {NULL, 0};

    if (list->len == 0) {
        return false;
    }
    (void) pn_str_cut(*list, '+', &head, &tail);
    assert_true(head.len < WORD_MAX);
    memcpy(word, head.ptr, head.len);
    word[head.len] = '\0';
    *list = tail;
    return true;
}

static const char *
value_of(const char *word, const char *key)
{
    size_t len = strlen(key);

    return strncmp(word, key, len) == 0 && word[len] == '=' ? word + len + 1
                                                            : NULL;
}

static struct pn_text_list
one_text(const char *text)
{
    struct pn_text_list list = {.present = true, .count = 1};

    list.item = pn_arena_array(f->arena, 1, sizeof(*list.item));
    assert_non_null(list.item);
    list.item[0] = words(f, text);
    return list;
}

static void
set_ip(struct pn_policy *policy, enum pn_ipmode mode, const char *range)
{
    struct pn_ip_entry *entry = pn_arena_alloc(f->arena, sizeof(*entry));

    assert_non_null(entry);
    assert_int_equal(pn_iprange_parse(pn_str_from(range), &entry->range),
                     PN_OK);
    entry->note = words(f, "");
    policy->ip.present = true;
    policy->ip.mode = mode;
    if (mode == PN_IP_DEFAULT_DENY) {
        policy->ip.allow = entry;
        policy->ip.allow_count = 1;
    } else {
        policy->ip.deny = entry;
        policy->ip.deny_count = 1;
    }
}

static void
add_grant(struct pn_policy *policy, const char *word)
{
    const char *equals = strchr(word, '=');
    struct pn_grant_doc *grant =
        &policy->creation.grants[policy->creation.grant_count++];
    char group[WORD_MAX] = "";

    assert_non_null(equals);
    memcpy(group, word, (size_t) (equals - word));
    grant->group = strcmp(group, "everyone") == 0 ? NULL : words(f, group);
    grant->max_days = (uint32_t) atoi(equals + 1);
}

static void
set_word(struct pn_policy *policy, const char *word)
{
    const char *value;

    if (strcmp(word, "off") == 0) {
        policy->creation.enabled = false;
    } else if (strcmp(word, "keep") == 0) {
        policy->creation.on_loss = PN_ON_LOSS_KEEP;
    } else if (strcmp(word, "ro") == 0) {
        policy->creation.read_only = true;
    } else if (strcmp(word, "iprule") == 0) {
        policy->creation.require_ip_rule = true;
    } else if (strcmp(word, "report") == 0) {
        policy->ip.report = PN_IP_REPORT;
    } else if ((value = value_of(word, "paths")) != NULL) {
        policy->creation.paths = one_text(value);
    } else if ((value = value_of(word, "allow")) != NULL) {
        set_ip(policy, PN_IP_DEFAULT_DENY, value);
    } else if ((value = value_of(word, "deny")) != NULL) {
        set_ip(policy, PN_IP_DEFAULT_ALLOW, value);
    } else if ((value = value_of(word, "unused")) != NULL) {
        policy->creation.disable_unused_days = (uint32_t) atoi(value);
    } else if ((value = value_of(word, "notice")) != NULL) {
        policy->creation.unused_notice_days = (uint32_t) atoi(value);
    } else if ((value = value_of(word, "admins")) != NULL) {
        policy->admin_groups = one_text(value);
    } else if ((value = value_of(word, "admin")) != NULL) {
        policy->creation.admin_max_days = (uint32_t) atoi(value);
    } else {
        add_grant(policy, word);
    }
}

static void
policy_of(struct pn_str text, struct pn_policy *out)
{
    char word[WORD_MAX];

    pn_policy_default(out);
    out->creation.enabled = true;
    out->creation.grants =
        pn_arena_array(f->arena, 8, sizeof(*out->creation.grants));
    assert_non_null(out->creation.grants);
    while (next_word(&text, word)) {
        set_word(out, word);
    }
}

static const struct pn_owner_facts *
owner_named(const char *name)
{
    static const uint8_t staff[8] = {STAFF}, ops[8] = {OPS};
    static const struct {
        const char *name;
        struct pn_owner_facts facts;
    } owners[] = {
        {"alice", {1, true, PN_ROLE_USER, {staff, 1}}},
        {"bob", {2, true, PN_ROLE_USER, {NULL, 0}}},
        {"ada", {3, true, PN_ROLE_ADMIN, {NULL, 0}}},
        {"gil", {4, true, PN_ROLE_USER, {ops, 1}}},
        {"sleepy", {5, false, PN_ROLE_USER, {staff, 1}}},
    };

    for (size_t i = 0; i < PN_LEN(owners); i++) {
        if (strcmp(owners[i].name, name) == 0) {
            return &owners[i].facts;
        }
    }
    fail_msg("no owner %s", name);
    return NULL;
}

static int64_t
days(const char *text)
{
    return NOW + (int64_t) atoi(text) * 86400;
}

/* An instant that the word sets; false: it is another word. */
static bool
take_instant(const char *word, struct pn_token_facts *out)
{
    const struct {
        const char *key;
        int64_t *at;
    } instants[] = {
        {"made", &out->made_at},          {"ends", &out->expires_at},
        {"cut", &out->policy_expires_at}, {"created", &out->created_at},
        {"used", &out->last_used_at},     {"enabled", &out->idle_from},
        {"begins", &out->not_before},     {"marked", &out->disable_at},
    };

    for (size_t i = 0; i < PN_LEN(instants); i++) {
        const char *value = value_of(word, instants[i].key);

        if (value != NULL) {
            *instants[i].at = days(value);
            return true;
        }
    }
    return false;
}

static void
facts_of(struct pn_str text, struct pn_token_facts *out)
{
    char word[WORD_MAX];
    const char *value;

    assert_true(next_word(&text, word));
    *out = (struct pn_token_facts){.id = 1,
                                   .owner = owner_named(word),
                                   .made_at = NOW,
                                   .created_at = NOW,
                                   .access = PN_ACCESS_READ_WRITE,
                                   .last_address = words(f, "")};
    while (next_word(&text, word)) {
        if (strcmp(word, "ro") == 0) {
            out->access = PN_ACCESS_READ_ONLY;
        } else if (strcmp(word, "disabled") == 0) {
            out->disabled = true;
        } else if (strcmp(word, "ip") == 0) {
            out->ip.present = true;
            out->ip.mode = PN_IP_DEFAULT_DENY;
        } else if ((value = value_of(word, "path")) != NULL) {
            out->paths = one_text(value);
        } else if ((value = value_of(word, "from")) != NULL) {
            out->last_address = words(f, value);
        } else if (!take_instant(word, out)) {
            fail_msg("token: %s", word);
        }
    }
}

static struct pn_enforcement
how_of(struct pn_str text)
{
    struct pn_enforcement how = {.now = NOW};
    struct pn_str mode = text, number;

    if (pn_str_cut(text, '=', &mode, &number)) {
        how.days = (uint32_t) atoi(number.ptr);
    }
    assert_int_equal(pn_enforce_parse(mode, &how.when), PN_OK);
    return how;
}

/* before after how token effect end because */
static bool
holds(const struct pn_str *field)
{
    static const char *const kinds[] = {"unaffected", "shortened", "stopped",
                                        "marked"};
    struct pn_policy before, after;
    struct pn_measure from, to;
    struct pn_token_facts token;
    struct pn_enforcement how = how_of(field[2]);
    struct pn_effect effect;
    enum pn_because because;
    const char *why;
    int64_t end = pn_str_eq(field[5], PN_STR("none"))
                      ? 0
                      : NOW + (int64_t) atoi(field[5].ptr) * 86400;

    policy_of(field[0], &before);
    policy_of(field[1], &after);
    facts_of(field[3], &token);
    assert_int_equal(pn_measure_of(f->store, &before, f->arena, &from), PN_OK);
    assert_int_equal(pn_measure_of(f->store, &after, f->arena, &to), PN_OK);
    /* a rule begins when it is saved, and then goes on */
    to.unused.since = from.unused.days > 0 ? 0 : NOW;
    pn_effect_of(&from, &to, &token, &how, &effect);
    why = pn_because_text(effect.because);
    why = why != NULL ? why : "-";
    if (effect.kind == PN_MARKED && effect.disable_at == end) {
        return pn_str_eq(field[4], PN_STR("marked"))
               && pn_str_eq(field[6], pn_str_from(why));
    }
    /* the preview says what enforcing then does */
    int64_t stored = pn_measure_end(&to, &token, &how, &because);
    bool agrees = effect.kind == PN_UNAFFECTED || effect.new_expires_at == 0
                  || effect.new_expires_at == stored;

    if (pn_str_eq(field[4], pn_str_from(kinds[effect.kind]))
        && pn_str_eq(field[6], pn_str_from(why)) && agrees
        && (effect.new_expires_at == end
            || (effect.kind == PN_UNAFFECTED && stored == end)))
    {
        return true;
    }
    printf("# %s, end %+.2f days (stored %+.2f), because %s\n",
           kinds[effect.kind], (double) (effect.new_expires_at - NOW) / 86400.0,
           (double) (stored - NOW) / 86400.0, why);
    return false;
}

static void
test_a_policy_does_to_tokens_what_the_table_says(void **state)
{
    f = *state;
    add_group(f, STAFF, "staff");
    add_group(f, OPS, "ops");
    check_cases(cases, 7, holds);
}

static void
test_what_stopped_before_keeps_the_time_at_which_it_did(void **state)
{
    struct pn_policy policy;
    struct pn_measure measure;
    struct pn_token_facts token;
    const struct pn_enforcement how = {.when = PN_ENFORCE_NOW, .now = NOW};
    enum pn_because because;

    f = *state;
    policy_of(PN_STR("everyone=90+ro"), &policy);
    facts_of(PN_STR("alice+ends=80+cut=-5"), &token);
    assert_int_equal(pn_measure_of(f->store, &policy, f->arena, &measure),
                     PN_OK);
    assert_int_equal(pn_measure_end(&measure, &token, &how, &because),
                     days("-5"));
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_a_policy_does_to_tokens_what_the_table_says, fixture_open,
            fixture_close),
        cmocka_unit_test_setup_teardown(
            test_what_stopped_before_keeps_the_time_at_which_it_did,
            fixture_open, fixture_close),
    };

    cases = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests_name("effect", tests, NULL, NULL);
}

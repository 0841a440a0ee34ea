/* SPDX-License-Identifier: Apache-2.0 */
/* The policy as a document. */
#include <string.h>

#include "base/str.h"
#include "daemon/model/parts.h"

enum {
    DEFAULT_DAYS = 90,
    DEFAULT_TOKENS_PER_OWNER = 100,
    MAX_TOKENS_PER_OWNER = 10000,
    DEFAULT_OVERLAP_HOURS = 168,
    DEFAULT_NOTICE_DAYS = 14,
    MAX_NOTICE_DAYS = 365,
    ADMIN_GROUPS_MAX = 64,
};

static const struct pn_doc_limits lifetime_days = {
    .min = 1, .max = PN_LIFETIME_MAX_DAYS, .null = PN_NULL_IS_ZERO};

static const struct pn_doc_text group_name = {
    .what = "group", .min = 1, .max = PN_NAME_MAX};

void
pn_policy_default(struct pn_policy *out)
{
    *out = (struct pn_policy){
        .version = 1,
        .creation = {.on_loss = PN_ON_LOSS_SUSPEND,
                     .default_days = DEFAULT_DAYS,
                     .max_tokens_per_owner = DEFAULT_TOKENS_PER_OWNER,
                     .max_overlap_hours = DEFAULT_OVERLAP_HOURS,
                     .unused_notice_days = DEFAULT_NOTICE_DAYS},
        .tls_required = true,
        .admin_groups = {.present = true},
        .auditor_groups = {.present = true},
    };
}

/* --- reading ------------------------------------------------------------- */

/* Nobody should widen access by leaving a member out: both are required, and
 * null is said out loud. */
static void
read_grant(const struct pn_doc *item, struct pn_grant_doc *out)
{
    static const char *const names[] = {"group", "max_lifetime_days", NULL};
    static const char *const none[] = {NULL};

    if (!json_is_object(item->obj)) {
        pn_doc_bad(item, "", "invalid_type",
                   "A grant must be an object with \"group\" and "
                   "\"max_lifetime_days\".");
        return;
    }
    pn_doc_known(item, names, none);
    if (!pn_doc_has(item, "group")) {
        pn_doc_bad(item, "group", "required",
                   "Enter a group's name, or null for everyone.");
    } else if (!pn_doc_is_null(item, "group")) {
        pn_doc_text(item, "group", &group_name, &out->group);
    }
    if (!pn_doc_has(item, "max_lifetime_days")) {
        pn_doc_bad(item, "max_lifetime_days", "required",
                   "Enter a number of days from 1 to %d, or null for no "
                   "limit.",
                   PN_LIFETIME_MAX_DAYS);
    }
    pn_doc_number(item, "max_lifetime_days", &lifetime_days, &out->max_days);
}

static bool
same_group(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
read_grants(const struct pn_doc *creation, struct pn_policy *policy)
{
    json_t *array = pn_doc_array(creation, "grants", PN_GRANTS_MAX);
    struct pn_grant_doc *grant;
    json_t *value;
    size_t i;

    if (array == NULL) {
        return;
    }
    grant = pn_doc_alloc(creation, json_array_size(array), sizeof(*grant));
    if (grant == NULL) {
        return;
    }
    json_array_foreach(array, i, value)
    {
        struct pn_doc item = pn_doc_at(creation, "grants", i, value);
        uint8_t faults = item.run->fault->field_count;

        read_grant(&item, &grant[i]);
        for (size_t j = 0; j < i; j++) {
            if (faults == item.run->fault->field_count
                && same_group(grant[j].group, grant[i].group))
            {
                pn_doc_bad(&item, "group", "duplicate",
                           "This group has a grant already. Keep one.");
            }
        }
    }
    policy->creation.grants = grant;
    policy->creation.grant_count = (uint16_t) json_array_size(array);
}

static void
read_creation(const struct pn_doc *doc, struct pn_policy *policy)
{
    static const char *const names[] = {"enabled",
                                        "grants",
                                        "on_loss",
                                        "admin_max_lifetime_days",
                                        "default_lifetime_days",
                                        "max_tokens_per_owner",
                                        "require_ip_rule",
                                        "read_only",
                                        "max_overlap_hours",
                                        "disable_unused_days",
                                        "disable_unused_notice_days",
                                        "service_accounts",
                                        "own_tokens_write",
                                        "paths",
                                        NULL};
    static const char *const none[] = {NULL};
    static const struct pn_doc_limits default_days = {
        .min = 1, .max = PN_LIFETIME_MAX_DAYS};
    static const struct pn_doc_limits tokens = {.min = 1,
                                                .max = MAX_TOKENS_PER_OWNER};
    static const struct pn_doc_list paths = {.null = PN_NULL_IS_ZERO};
    static const struct pn_doc_limits overlap = {.max = PN_OVERLAP_MAX_HOURS};
    static const struct pn_doc_limits notice = {.min = 1,
                                                .max = MAX_NOTICE_DAYS};
    unsigned on_loss = policy->creation.on_loss;
    struct pn_doc creation;

    if (!pn_doc_child(doc, "creation", &creation)) {
        if (pn_doc_is_null(doc, "creation")) {
            pn_doc_bad(doc, "creation", "invalid_type",
                       "\"creation\" must be an object in braces: {…}.");
        }
        return;
    }
    pn_doc_known(&creation, names, none);
    pn_doc_bool(&creation, "enabled", &policy->creation.enabled);
    read_grants(&creation, policy);
    pn_doc_word(&creation, "on_loss", pn_words_on_loss, &on_loss);
    policy->creation.on_loss = (enum pn_on_loss) on_loss;
    pn_doc_number(&creation, "admin_max_lifetime_days", &lifetime_days,
                  &policy->creation.admin_max_days);
    pn_doc_number(&creation, "default_lifetime_days", &default_days,
                  &policy->creation.default_days);
    pn_doc_number(&creation, "max_tokens_per_owner", &tokens,
                  &policy->creation.max_tokens_per_owner);
    pn_doc_bool(&creation, "require_ip_rule",
                &policy->creation.require_ip_rule);
    pn_doc_bool(&creation, "read_only", &policy->creation.read_only);
    pn_doc_number(&creation, "max_overlap_hours", &overlap,
                  &policy->creation.max_overlap_hours);
    pn_doc_number(&creation, "disable_unused_days", &lifetime_days,
                  &policy->creation.disable_unused_days);
    pn_doc_number(&creation, "disable_unused_notice_days", &notice,
                  &policy->creation.unused_notice_days);
    pn_doc_bool(&creation, "service_accounts",
                &policy->creation.service_accounts);
    pn_doc_bool(&creation, "own_tokens_write",
                &policy->creation.own_tokens_write);
    pn_part_patterns(&creation, "paths", &paths, &policy->creation.paths);
}

enum pn_err
pn_policy_from_json(json_t *doc, struct pn_arena *arena, struct pn_policy *out,
                    struct pn_fault *fault)
{
    static const char *const names[] = {"creation",       "ip_rules",
                                        "tls_required",   "admin_groups",
                                        "auditor_groups", NULL};
    static const char *const read_only[] = {"version", "warnings", NULL};
    static const struct pn_doc_list groups = {
        .text = {.what = "group", .min = 1, .max = PN_NAME_MAX},
        .max = ADMIN_GROUPS_MAX,
        .empty = PN_EMPTY_ALLOWED,
        .check = pn_part_check_group_name};
    struct pn_doc_run run = {.arena = arena, .fault = fault};
    struct pn_policy policy;
    struct pn_doc root;
    enum pn_err err;

    pn_policy_default(&policy);
    if (pn_doc_begin(&run, doc, &root)) {
        pn_doc_known(&root, names, read_only);
        read_creation(&root, &policy);
        pn_part_ip(&root, "ip_rules", PN_IP_OF_RULES, &policy.ip);
        pn_doc_bool(&root, "tls_required", &policy.tls_required);
        pn_doc_list(&root, "admin_groups", &groups, &policy.admin_groups);
        pn_doc_list(&root, "auditor_groups", &groups, &policy.auditor_groups);
    }
    err = pn_doc_verdict(&run);
    if (err == PN_OK) {
        *out = policy;
    }
    return err;
}

/* --- writing ------------------------------------------------------------- */

static json_t *
grants_json(const struct pn_policy *policy)
{
    json_t *array = json_array();

    for (size_t i = 0; i < policy->creation.grant_count; i++) {
        const struct pn_grant_doc *grant = &policy->creation.grants[i];
        json_t *value =
            json_pack("{s:s?, s:o}", "group", grant->group, "max_lifetime_days",
                      pn_part_number_json(grant->max_days));

        if (json_array_append_new(array, value) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *
creation_json(const struct pn_policy *policy)
{
    return json_pack(
        "{s:b, s:o, s:s, s:o, s:I, s:I, s:b, s:b, s:I, s:o, s:I, s:b, s:b,"
        " s:o}",
        "enabled", policy->creation.enabled, "grants", grants_json(policy),
        "on_loss", pn_words_on_loss[policy->creation.on_loss],
        "admin_max_lifetime_days",
        pn_part_number_json(policy->creation.admin_max_days),
        "default_lifetime_days", (json_int_t) policy->creation.default_days,
        "max_tokens_per_owner",
        (json_int_t) policy->creation.max_tokens_per_owner, "require_ip_rule",
        policy->creation.require_ip_rule, "read_only",
        policy->creation.read_only, "max_overlap_hours",
        (json_int_t) policy->creation.max_overlap_hours, "disable_unused_days",
        pn_part_number_json(policy->creation.disable_unused_days),
        "disable_unused_notice_days",
        (json_int_t) policy->creation.unused_notice_days, "service_accounts",
        policy->creation.service_accounts, "own_tokens_write",
        policy->creation.own_tokens_write, "paths",
        pn_part_list_json(&policy->creation.paths));
}

json_t *
pn_policy_to_json(const struct pn_policy *policy, struct pn_arena *arena)
{
    return pn_json_defer(
        arena, json_pack("{s:o, s:o, s:b, s:o, s:o}", "creation",
                         creation_json(policy), "ip_rules",
                         pn_part_ip_json(&policy->ip, PN_IP_OF_RULES),
                         "tls_required", policy->tls_required, "admin_groups",
                         pn_part_texts_json(policy->admin_groups.item,
                                            policy->admin_groups.count),
                         "auditor_groups",
                         pn_part_texts_json(policy->auditor_groups.item,
                                            policy->auditor_groups.count)));
}

json_t *
pn_policy_made_to_json(const struct pn_policy_made *made,
                       struct pn_arena *arena)
{
    return pn_json_defer(
        arena, json_pack("{s:I, s:o, s:o, s:{s:s, s:o, s:I}, s:o}", "version",
                         (json_int_t) made->version, "made_at",
                         pn_part_instant_json(made->at), "made_by",
                         pn_part_text_json(made->by), "enforcement", "mode",
                         pn_words_enforce[made->enforce], "days",
                         pn_part_number_json(made->days), "tokens_changed",
                         (json_int_t) made->tokens_changed, "reverted_to",
                         pn_part_number_json((uint32_t) made->reverted_to)));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Limits and defaults of the policy by options: one row each. */
#include <string.h>

#include "base/str.h"
#include "cli/policy_run.h"
#include "cli/wish.h"

static const char none[] = "none";

/* A number, and for some "none" (null). */
static const struct {
    const char *option, *member; /* of creation */
    uint32_t least, most;
    bool may_be_none;
} numbers[] = {
    {"default-days", "default_lifetime_days", 1, 36500, false},
    {"admin-max-days", "admin_max_lifetime_days", 1, 36500, true},
    {"max-tokens", "max_tokens_per_owner", 1, 10000, false},
    {"max-overlap-hours", "max_overlap_hours", 0, 8760, false},
};

static const char *const switches[][2] = {
    {"require-ip-rule", "require_ip_rule"},
    {"read-only", "read_only"},
};

/* Texts that take the place of those before; "none" alone for no texts. */
static const struct {
    const char *option, *member;
    bool in_creation, none_is_null;
} lists[] = {
    {"path", "paths", true, true},
    {"admin-group", "admin_groups", false, false},
    {"auditor-group", "auditor_groups", false, false},
};

static enum pn_exit
set_numbers(struct pn_cli *cli, json_t *creation)
{
    for (size_t i = 0; i < PN_LEN(numbers); i++) {
        const char *text = pn_cli_value(cli, numbers[i].option);
        json_t *value = NULL;
        uint32_t number = 0;

        if (text == NULL) {
            continue;
        }
        if (numbers[i].may_be_none && strcmp(text, none) == 0) {
            value = json_null();
        } else {
            enum pn_exit rc =
                pn_cli_number(cli, numbers[i].option, numbers[i].least,
                              numbers[i].most, &number);

            if (rc != PN_EXIT_OK) {
                return rc;
            }
            value = json_integer((json_int_t) number);
        }
        if (json_object_set_new(creation, numbers[i].member, value) != 0) {
            return pn_cli_nomem();
        }
    }
    return PN_EXIT_OK;
}

static enum pn_exit
set_lists(struct pn_cli *cli, json_t *policy, json_t *creation)
{
    for (size_t i = 0; i < PN_LEN(lists); i++) {
        json_t *doc = lists[i].in_creation ? creation : policy;
        const char *text = pn_cli_value(cli, lists[i].option);
        bool good = true;

        if (text != NULL && strcmp(text, none) == 0) {
            good = json_object_set_new(doc, lists[i].member,
                                       lists[i].none_is_null ? json_null()
                                                             : json_array())
                   == 0;
        } else if (text != NULL) {
            good = pn_wish_list(cli, lists[i].option, doc, lists[i].member);
        }
        if (!good) {
            return pn_cli_nomem();
        }
    }
    return PN_EXIT_OK;
}

enum pn_exit
pn_policy_limits(struct pn_cli *cli, json_t *policy)
{
    json_t *creation = json_object_get(policy, "creation");
    enum pn_exit rc = set_numbers(cli, creation);

    for (size_t i = 0; rc == PN_EXIT_OK && i < PN_LEN(switches); i++) {
        rc = pn_wish_switch(cli, switches[i][0], creation, switches[i][1]);
    }
    return rc == PN_EXIT_OK ? set_lists(cli, policy, creation) : rc;
}

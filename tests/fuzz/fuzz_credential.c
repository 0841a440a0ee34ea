/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user name stands at the scratch's start, is UTF-8 without control bytes
 * and never a token; only a token has a hash; a decision on it never allows
 * when nothing was found.
 */
#include "property.h"

#include "core/decision.h"

static void
check_decision(const struct pn_credential *credential)
{
    static const struct pn_policy_record policy;
    static const struct pn_app_record app = {.app_id = 1};
    const struct pn_request request = {.method = PN_STR("GET"),
                                       .target = PN_STR("/")};
    const struct pn_facts facts = {
        .ready = true, .policy = &policy, .app = &app};
    const struct pn_counters counters = {.look_only = true};
    struct pn_decision decision;

    pn_decide(&request, credential, &facts, &counters, &decision);
    property(decision.verdict != PN_ALLOW);
    property(decision.verdict == PN_DENY
             || !pn_credential_holds_token(credential));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct pn_prefixes known = {{{"pst_", 4}}, 1};
    static char bytes[PN_CREDENTIAL_MAX];
    struct pn_buf scratch = PN_BUF(bytes);
    struct pn_credential out;

    pn_credential_parse(input(data, size), &known, &scratch, &out);
    property(out.kind <= PN_CREDENTIAL_TOKEN);
    property(scratch.len <= scratch.cap);
    property((out.scheme == PN_SCHEME_NONE)
             == (out.kind == PN_CREDENTIAL_NONE));
    if (out.user.len > 0) {
        property(out.scheme == PN_SCHEME_BASIC);
        property(out.user.ptr == bytes && out.user.len <= PN_USERNAME_MAX);
        property(pn_str_is_utf8(out.user) && !pn_str_has_control(out.user));
        property(!pn_str_starts(out.user, known.item[0]));
    }
    property(out.kind < PN_CREDENTIAL_BAD_TOKEN || out.holds_token);
    check_decision(&out);
    return 0;
}

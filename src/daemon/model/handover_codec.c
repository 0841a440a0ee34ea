/* SPDX-License-Identifier: Apache-2.0 */
/* Hand-overs as documents. */
#include <string.h>

#include "base/str.h"
#include "core/credential.h"
#include "core/id.h"
#include "daemon/model/parts.h"

static const char *const states[] = {
    [PN_HANDOVER_WAITING] = "waiting",
    [PN_HANDOVER_TAKEN] = "taken",
    [PN_HANDOVER_WITHDRAWN] = "withdrawn",
};

const char *
pn_handover_state(const struct pn_handover *handover, int64_t now)
{
    return handover->ending == PN_HANDOVER_WAITING
                   && handover->expires_at <= now
               ? "expired"
               : states[handover->ending];
}

static char *
dumped(const struct pn_doc *doc, const json_t *value)
{
    size_t len = json_dumpb(value, NULL, 0, JSON_COMPACT);
    char *text = pn_doc_alloc(doc, len + 1, 1);

    if (text != NULL) {
        (void) json_dumpb(value, text, len, JSON_COMPACT);
    }
    return text;
}

static void
read_wish(const struct pn_doc *doc, struct pn_handover_wish *wish)
{
    static const char *const names[] = {"owner", "settings", "valid_days",
                                        NULL};
    static const char *const none[] = {NULL};
    static const struct pn_doc_text owner = {
        .what = "owner", .min = 1, .max = PN_USERNAME_MAX};
    static const struct pn_doc_limits days = {.min = 1,
                                              .max = PN_HANDOVER_DAYS_MAX};
    struct pn_doc settings;

    pn_doc_known(doc, names, none);
    pn_doc_text(doc, "owner", &owner, &wish->owner);
    if (!pn_doc_has(doc, "owner")) {
        pn_doc_bad(doc, "owner", "required", "Enter whom the token is for.");
    }
    pn_doc_number(doc, "valid_days", &days, &wish->valid_days);
    if (!pn_doc_child(doc, "settings", &settings)) {
        pn_doc_bad(doc, "settings", "required",
                   "Enter what the token is to be, as for POST /tokens: "
                   "{\"name\": …}.");
        return;
    }
    pn_token_wish_read(&settings, &wish->token);
    if (!pn_doc_has(&settings, "name")) {
        pn_doc_bad(&settings, "name", "required", "Enter a name.");
    }
    wish->settings = dumped(doc, settings.obj);
}

enum pn_err
pn_handover_wish_from_json(json_t *doc, struct pn_arena *arena,
                           struct pn_handover_wish *out, struct pn_fault *fault)
{
    struct pn_doc_run run = {.arena = arena, .fault = fault};
    struct pn_handover_wish wish = {.valid_days = PN_HANDOVER_DAYS_DEFAULT,
                                    .token = pn_token_wish_begin()};
    struct pn_doc root;
    enum pn_err err;

    if (pn_doc_begin(&run, doc, &root)) {
        read_wish(&root, &wish);
    }
    err = pn_doc_verdict(&run);
    if (err == PN_OK) {
        *out = wish;
    }
    return err;
}

/* What was stored is JSON; what is damaged is shown as text. */
static json_t *
settings_json(const char *settings)
{
    json_t *value = NULL;

    return pn_json_parse(pn_str_from(settings), &value, NULL, 0) == PN_OK
               ? value
               : json_string(settings);
}

json_t *
pn_handover_to_json(const struct pn_handover *handover, int64_t now,
                    struct pn_arena *arena)
{
    char id[PN_ID_TEXT_LEN + 1], token[PN_ID_TEXT_LEN + 1];

    pn_id_format(PN_ID_HANDOVER, handover->id, id);
    pn_id_format(PN_ID_TOKEN, handover->token_id, token);
    return pn_json_defer(
        arena, json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:s, s:o, s:o, s:s?}",
                         "id", id, "owner", handover->owner, "settings",
                         settings_json(handover->settings), "made_by",
                         handover->made_by, "made_at",
                         pn_part_instant_json(handover->made_at), "expires_at",
                         pn_part_instant_json(handover->expires_at), "state",
                         pn_handover_state(handover, now), "ended_at",
                         pn_part_instant_json(handover->ended_at), "ended_by",
                         pn_part_text_json(handover->ended_by), "token_id",
                         handover->token_id != 0 ? token : NULL));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* posternd audit verify: the chain of a store whose posternd does not run. */
#include <jansson.h>
#include <stdio.h>

#include "base/progress.h"
#include "base/str.h"
#include "daemon/model/codec.h"
#include "daemon/offline.h"
#include "daemon/store/audit.h"

enum { STEP_EVENTS = 100000 }; /* in one snapshot */

/* The places of options. */
enum { OPT_CHECKPOINT, OPT_JSON };

static const struct pn_offline_option verify_options[] = {
    [OPT_CHECKPOINT] = {"checkpoint", "HASH@POSITION",
                        "an earlier check's, kept elsewhere"},
    [OPT_JSON] = {"json", NULL, "print the report as JSON"},
    {NULL, NULL, NULL},
};

/* Step by step; check->checked becomes the sum. */
static enum pn_err
check_all(struct pn_store *store, struct pn_audit_check *check)
{
    struct pn_progress progress = {.what = "checked"};
    uint64_t sum = 0;
    enum pn_err err;

    check->limit = STEP_EVENTS;
    pn_progress_begin(&progress);
    while ((err = pn_store_audit_verify(store, check)) == PN_OK) {
        sum += check->checked;
        if (check->done) {
            break;
        }
        pn_progress_show(&progress, sum);
    }
    pn_progress_end(&progress, sum);
    check->checked = sum;
    return err;
}

static void
print_field(const char *name, const json_t *value)
{
    char number[24] = "-";
    const char *text = json_string_value(value);

    if (json_is_integer(value)) {
        (void) snprintf(number, sizeof(number), "%lld",
                        (long long) json_integer_value(value));
    }
    (void) printf("%-13s%s\n", name, text != NULL ? text : number);
}

/* As "postern audit verify" prints it. */
static void
print_report(const json_t *doc)
{
    static const char *const rows[][2] = {
        {"events", "checked"},  {"from", "from"},
        {"to", "to"},           {"first wrong", "first_bad"},
        {"because", "because"}, {"checkpoint", "checkpoint"},
    };

    (void) printf("%-13s%s\n", "chain",
                  json_is_true(json_object_get(doc, "ok")) ? "holds"
                                                           : "BROKEN");
    for (size_t i = 0; i < PN_LEN(rows); i++) {
        print_field(rows[i][0], json_object_get(doc, rows[i][1]));
    }
}

static enum pn_offline_exit
report(const struct pn_offline_call *call, const struct pn_audit_check *check)
{
    const json_t *doc = pn_audit_check_to_json(check, call->arena);

    if (doc == NULL) {
        pn_offline_say("%s", pn_err_text(PN_E_NOMEM));
        return PN_OFFLINE_ERROR;
    }
    if (call->value[OPT_JSON] != NULL) {
        (void) json_dumpf(doc, stdout, JSON_INDENT(2));
        (void) fputc('\n', stdout);
    } else {
        print_report(doc);
    }
    if (check->kept.position != 0 && check->kept.position + 1 < check->from) {
        pn_offline_say("the checkpoint is older than the oldest event that is "
                       "kept, and was not compared");
    }
    if (fflush(stdout) != 0) {
        pn_offline_say("cannot write the report");
        return PN_OFFLINE_ERROR;
    }
    return check->bad == 0 ? PN_OFFLINE_OK : PN_OFFLINE_FOUND;
}

static enum pn_offline_exit
run_verify(struct pn_offline_call *call)
{
    const char *kept = call->value[OPT_CHECKPOINT];
    struct pn_audit_check check = {.limit = 0};
    struct pn_store *store;

    if (kept != NULL
        && pn_audit_mark_parse(pn_str_from(kept), &check.kept) != PN_OK)
    {
        pn_offline_say("--checkpoint is HASH@POSITION, as an earlier check "
                       "printed it");
        return PN_OFFLINE_USAGE;
    }
    store = pn_offline_store(call);
    if (store == NULL) {
        return PN_OFFLINE_ERROR;
    }
    enum pn_err err = check_all(store, &check);

    if (err != PN_OK) {
        pn_offline_say("cannot read the audit: %s: %s", pn_err_text(err),
                       pn_store_why(store));
    }
    pn_store_close(store);
    return err == PN_OK ? report(call, &check) : PN_OFFLINE_ERROR;
}

const struct pn_offline_act pn_offline_audit_verify = {
    .noun = "audit",
    .verb = "verify",
    .summary = "Check that no event was changed, removed or moved",
    .details = "For a store whose posternd does not run, or is not trusted; "
               "beside a running one it\nworks, too.  It reads and changes "
               "nothing.  Report and status are those of 'postern\naudit "
               "verify': 3 when something is wrong.\n",
    .example = "posternd audit verify --checkpoint \"$(cat "
               "/mnt/usb/checkpoint)\"",
    .options = verify_options,
    .run = run_verify,
};

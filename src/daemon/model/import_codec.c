/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of an import: documents as GET shows them, with what only an import may
 * bring along: the hash of a password, the SHA-256 of a token.
 */
#include <string.h>

#include "base/secret.h"
#include "base/str.h"
#include "core/credential.h"
#include "daemon/model/parts.h"

enum { SHA256_DIGITS = 2 * PN_HASH_LEN };

/* A member that the document's own reader does not know: out with it, when it
 * is a text of at most max bytes.  Arena; NULL = absent or wrong. */
static char *
take_text(const struct pn_doc *doc, const char *key, size_t max)
{
    json_t *value = json_object_get(doc->obj, key);
    const size_t len = json_string_length(value);
    char *text = NULL;

    if (value == NULL) {
        return NULL;
    }
    if (!json_is_string(value) || len == 0 || len > max
        || strlen(json_string_value(value)) != len)
    {
        pn_doc_bad(doc, key, "invalid_type",
                   "\"%s\" must be a text of 1 to %u bytes.", key,
                   (unsigned) max);
    } else {
        text = pn_arena_dup(doc->run->arena,
                            (struct pn_str){json_string_value(value), len});
        doc->run->no_memory |= text == NULL;
    }
    (void) json_object_del(doc->obj, key);
    return text;
}

/* What kind of object the line of an export holds; it was looked at before. */
static void
drop_type(const struct pn_doc *doc)
{
    (void) json_object_del(doc->obj, "type");
}

/* --- users and groups ---------------------------------------------------- */

static void
wipe_text(void *text)
{
    pn_wipe(text, strlen(text));
}

enum pn_err
pn_user_import_from_json(json_t *doc, struct pn_arena *arena,
                         struct pn_user_import *out, struct pn_fault *fault)
{
    struct pn_doc_run run = {.arena = arena, .fault = fault};
    struct pn_user_import row = {.password_hash = NULL};
    struct pn_doc root;
    enum pn_err err;

    if (!pn_doc_begin(&run, doc, &root)) {
        return pn_doc_verdict(&run);
    }
    drop_type(&root);
    row.password_hash = take_text(&root, "password_hash", PN_IMPORTED_HASH_MAX);
    if (row.password_hash != NULL
        && pn_arena_defer(arena, wipe_text, row.password_hash) != PN_OK)
    {
        return PN_E_NOMEM;
    }
    if (pn_doc_has(&root, "password")) {
        pn_doc_bad(&root, "password", "not_importable",
                   "An import takes no passwords, only their hashes: "
                   "\"password_hash\".");
        (void) json_object_del(doc, "password");
    }
    if (!pn_doc_has(&root, "username")) {
        pn_doc_bad(&root, "username", "required", "A user needs a name.");
    }
    err = pn_doc_verdict(&run);
    if (err != PN_OK) {
        return err;
    }
    err = pn_user_wish_from_json(doc, arena, &row.wish, fault);
    if (err == PN_OK) {
        *out = row;
    }
    return err;
}

enum pn_err
pn_group_import_from_json(json_t *doc, struct pn_arena *arena,
                          struct pn_group *out, struct pn_fault *fault)
{
    if (json_is_object(doc)) {
        (void) json_object_del(doc, "type");
    }
    return pn_group_from_json(doc, arena, out, fault);
}

/* --- tokens -------------------------------------------------------------- */

/* Other tools write capitals. */
static int
hex_digit(char c)
{
    return pn_hex_value(c >= 'A' && c <= 'F' ? (char) (c - 'A' + 'a') : c);
}

static void
take_hash(const struct pn_doc *doc, struct pn_token_import *row)
{
    const char *text = take_text(doc, "sha256", SHA256_DIGITS);
    bool good = text != NULL && strlen(text) == SHA256_DIGITS;

    for (size_t i = 0; good && i < PN_HASH_LEN; i++) {
        const int high = hex_digit(text[2 * i]);
        const int low = hex_digit(text[2 * i + 1]);

        good = high >= 0 && low >= 0;
        row->hash.bytes[i] = (uint8_t) ((unsigned) high << 4 | (unsigned) low);
    }
    if (!good) {
        pn_doc_bad(doc, "sha256", "invalid_hash",
                   "\"sha256\" must be the SHA-256 of the token's text: 64 "
                   "hexadecimal digits.");
    }
}

static void
take_last_four(const struct pn_doc *doc, struct pn_token_import *row)
{
    const char *text = take_text(doc, "last_four", PN_TOKEN_LAST_LEN);

    if (text == NULL) {
        return;
    }
    for (size_t i = 0; i < PN_TOKEN_LAST_LEN; i++) {
        const char c = text[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')))
        {
            pn_doc_bad(doc, "last_four", "invalid_value",
                       "\"last_four\" must be the last four letters or digits "
                       "of the token.");
            return;
        }
    }
    memcpy(row->last_four, text, PN_TOKEN_LAST_LEN);
}

/* Revoked ones have nothing that could be used; others are what their dates
 * say. */
static void
take_state(const struct pn_doc *doc, struct pn_token_import *row)
{
    unsigned state = PN_STATE_ACTIVE;

    pn_doc_word(doc, "state", pn_words_state, &state);
    row->disabled = state == PN_STATE_DISABLED;
    if (state == PN_STATE_REVOKED) {
        pn_doc_bad(doc, "state", "token_revoked",
                   "This token is revoked; there is nothing to import.");
    }
}

static void
read_token_row(const struct pn_doc *doc, struct pn_token_import *row)
{
    drop_type(doc);
    take_hash(doc, row);
    row->owner = take_text(doc, "owner", PN_USERNAME_MAX);
    row->prefix = take_text(doc, "prefix", PN_TOKEN_PREFIX_MAX);
    take_last_four(doc, row);
    take_state(doc, row);
    pn_doc_instant(doc, "created_at", PN_NULL_IS_ZERO, &row->created_at);
    if (row->owner == NULL) {
        pn_doc_bad(doc, "owner", "required", "A token needs an owner.");
    }
    if (!pn_doc_has(doc, "name")) {
        pn_doc_bad(doc, "name", "required", "A token needs a name.");
    }
    if (!pn_doc_has(doc, "expires_at") && !pn_doc_has(doc, "expires_in_days")) {
        pn_doc_bad(doc, "expires_at", "required",
                   "Say when it ends: an instant, or null for never.");
    }
    row->wish = pn_token_wish_begin();
    pn_token_wish_read(doc, &row->wish);
}

enum pn_err
pn_token_import_from_json(json_t *doc, struct pn_arena *arena,
                          struct pn_token_import *out, struct pn_fault *fault)
{
    struct pn_doc_run run = {.arena = arena, .fault = fault};
    struct pn_token_import row = {.owner = NULL};
    struct pn_doc root;
    enum pn_err err;

    if (pn_doc_begin(&run, doc, &root)) {
        read_token_row(&root, &row);
    }
    err = pn_doc_verdict(&run);
    if (err == PN_OK) {
        *out = row;
    }
    return err;
}

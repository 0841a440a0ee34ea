/* SPDX-License-Identifier: Apache-2.0 */
/* Word by word; quoted text and everything that is no word is copied. */
#include "daemon/store/postgres_words.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defs.h"

static const struct {
    const char *ours, *theirs;
} words[] = {
    {"INTEGER", "BIGINT"}, {"TEXT", "TEXT COLLATE \"C\""},
    {"BLOB", "BYTEA"},     {"STRICT, WITHOUT ROWID", ""},
    {"STRICT", ""},        {"VIRTUAL", "STORED"},
};

static bool
is_word(char c)
{
    return isalnum((unsigned char) c) || c == '_';
}

static const char *
end_of_quote(const char *at)
{
    const char *end = strchr(at + 1, *at);

    return end == NULL ? at + strlen(at) : end + 1;
}

/* The row of words that text begins with, or -1. */
static int
find_word(const char *text)
{
    for (size_t i = 0; i < PN_LEN(words); i++) {
        size_t len = strlen(words[i].ours);

        if (strncmp(text, words[i].ours, len) == 0 && !is_word(text[len])) {
            return (int) i;
        }
    }
    return -1;
}

static void
translate(const char *sql, FILE *out)
{
    bool inside = false; /* of a word */

    while (*sql != '\0') {
        int found = inside ? -1 : find_word(sql);
        const char *end =
            *sql == '\'' || *sql == '"' ? end_of_quote(sql) : sql + 1;

        inside = is_word(*sql);
        if (found >= 0) {
            (void) fputs(words[found].theirs, out);
            sql += strlen(words[found].ours);
            inside = false;
            continue;
        }
        (void) fwrite(sql, 1, (size_t) (end - sql), out);
        sql = end;
    }
}

char *
pn_postgres_words(const char *sql)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL) {
        return NULL;
    }
    translate(sql, out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

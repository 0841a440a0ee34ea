/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables with keys (tests/data/decisions): one statement a line, words split
 * at blanks, "#" at the start of a word begins a comment, double quotes keep
 * blanks inside a word.
 */
#ifndef PN_TESTS_TABLE_H
#define PN_TESTS_TABLE_H

#include <ctype.h>

#include "check.h"

enum { TABLE_WORDS_MAX = 40, TABLE_LINE_MAX = 4096 };

struct table_line {
    const char *file;
    int number;
    int count;
    char *words[TABLE_WORDS_MAX];
    char text[TABLE_LINE_MAX];
};

/* Fail, naming the line. */
#define table_fail(line, ...)                                                  \
    do {                                                                       \
        print_error("%s:%d: ", (line)->file, (line)->number);                  \
        print_error(__VA_ARGS__);                                              \
        print_error("\n");                                                     \
        fail();                                                                \
    } while (0)

static inline void
table_split(struct table_line *line)
{
    char *from = line->text, *to = line->text;

    line->count = 0;
    for (;;) {
        while (*from == ' ' || *from == '\t') {
            from++;
        }
        if (*from == '\0' || *from == '\n' || *from == '#') {
            return;
        }
        if (line->count == TABLE_WORDS_MAX) {
            table_fail(line, "too many words");
        }
        line->words[line->count++] = to;
        for (int quoted = 0; *from != '\0' && *from != '\n'; from++) {
            if (*from == '"') {
                quoted = !quoted;
            } else if (!quoted && (*from == ' ' || *from == '\t')) {
                break;
            } else {
                *to++ = *from;
            }
        }
        if (*from != '\0') {
            from++;
        }
        *to++ = '\0';
    }
}

/* Call each for every line that holds words. */
static inline void
table_file(const char *path, void (*each)(struct table_line *, void *),
           void *arg)
{
    static struct table_line line;
    FILE *f = fopen(path, "r");

    if (f == NULL) {
        print_error("cannot open %s\n", path);
        fail();
    }
    line.file = path;
    line.number = 0;
    while (fgets(line.text, sizeof(line.text), f) != NULL) {
        line.number++;
        table_split(&line);
        if (line.count > 0) {
            each(&line, arg);
        }
    }
    fclose(f);
}

/* "%41" and the like become bytes; returns the new length. */
static inline size_t
table_unescape(char *text)
{
    char *to = text;

    /* fgets() wrote it, which the analyser does not see. */
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
    for (char *from = text; *from != '\0'; from++) {
        unsigned byte = 0;

        if (*from == '%' && isxdigit((unsigned char) from[1])
            && isxdigit((unsigned char) from[2])
            && sscanf(from + 1, "%2x", &byte) == 1)
        {
            *to++ = (char) (uint8_t) byte;
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return (size_t) (to - text);
}

#endif

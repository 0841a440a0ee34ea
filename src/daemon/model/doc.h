/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading members of one JSON object with validation: the codec's own tool.
 *
 * A getter leaves *out untouched when the member is absent or wrong; what is
 * wrong goes into the run's fault with a pointer, a code and a sentence that
 * names the remedy.  Callers read a whole document and ask pn_doc_verdict()
 * once at the end.
 */
#ifndef PN_DAEMON_MODEL_DOC_H
#define PN_DAEMON_MODEL_DOC_H

#include "daemon/model/codec.h"

/* What one call of a reader collects. */
struct pn_doc_run {
    struct pn_arena *arena;
    struct pn_fault *fault;
    bool no_memory;
};

/* One object of the document. */
struct pn_doc {
    struct pn_doc_run *run;
    json_t *obj;    /* always an object */
    const char *at; /* its JSON Pointer; "" = the whole document */
};

/* Begin: false, with a fault, when value is not an object. */
PN_MUST_USE bool pn_doc_begin(struct pn_doc_run *run, json_t *value,
                              struct pn_doc *out);

/* PN_OK, PN_E_RANGE when a fault was collected, PN_E_NOMEM. */
PN_MUST_USE enum pn_err pn_doc_verdict(const struct pn_doc_run *run);

/* A fault of the member (key "" = the object itself). */
void pn_doc_bad(const struct pn_doc *doc, const char *key, const char *code,
                const char *format, ...) PN_PRINTF(4, 5);

/* Refuse members that stand in neither list; both end with NULL. */
void pn_doc_known(const struct pn_doc *doc, const char *const *names,
                  const char *const *read_only);

bool pn_doc_has(const struct pn_doc *doc, const char *key);

/* Which members a document has, as bits; fields ends with a NULL name. */
struct pn_doc_field {
    const char *name;
    uint32_t bit;
};
uint32_t pn_doc_given(const struct pn_doc *doc,
                      const struct pn_doc_field *fields);

bool pn_doc_is_null(const struct pn_doc *doc, const char *key);

void pn_doc_bool(const struct pn_doc *doc, const char *key, bool *out);

struct pn_doc_limits {
    uint32_t min, max;
    enum pn_doc_null { PN_NULL_REFUSED = 0, PN_NULL_IS_ZERO } null;
};
void pn_doc_number(const struct pn_doc *doc, const char *key,
                   const struct pn_doc_limits *limits, uint32_t *out);

/* words end with NULL; *out gets the index. */
void pn_doc_word(const struct pn_doc *doc, const char *key,
                 const char *const *words, unsigned *out);

/* RFC 3339; null gives 0 where PN_NULL_IS_ZERO. */
void pn_doc_instant(const struct pn_doc *doc, const char *key,
                    enum pn_doc_null null, int64_t *out);

struct pn_doc_text {
    const char *what; /* "name": for the sentence */
    uint16_t min, max;
    enum pn_doc_lines { PN_ONE_LINE = 0, PN_MANY_LINES } lines;
    enum pn_doc_null null; /* null gives "" */
};
/* Trimmed, UTF-8, no control characters. */
void pn_doc_text(const struct pn_doc *doc, const char *key,
                 const struct pn_doc_text *rule, char **out);

/* False when absent, null or (with a fault) not an object. */
bool pn_doc_child(const struct pn_doc *doc, const char *key,
                  struct pn_doc *out);

/* The array itself; NULL when absent, or (with a fault) not one or over max.
 */
json_t *pn_doc_array(const struct pn_doc *doc, const char *key, size_t max);

/* "/paths" + "/3", as document position of an item. */
struct pn_doc pn_doc_at(const struct pn_doc *doc, const char *key, size_t index,
                        json_t *item);

struct pn_doc_list {
    struct pn_doc_text text; /* of each item */
    size_t max;
    enum pn_doc_empty { PN_EMPTY_REFUSED = 0, PN_EMPTY_ALLOWED } empty;
    enum pn_doc_null null;
    /* Says what is wrong with an item through pn_doc_bad(item, "", …). */
    void (*check)(const struct pn_doc *item, const char *text);
};
/* Distinct texts.  null: *out becomes "not present". */
void pn_doc_list(const struct pn_doc *doc, const char *key,
                 const struct pn_doc_list *rule, struct pn_text_list *out);

/* Zeroed arena memory; notes its lack. */
void *pn_doc_alloc(const struct pn_doc *doc, size_t count, size_t size);

/* Text as a person may be shown it: at most 64 bytes, whole characters. */
const char *pn_doc_clip(const struct pn_doc *doc, const char *text);

/* The word of words (ended by NULL) that is close to text, or NULL. */
const char *pn_doc_nearest(const char *text, const char *const *words);

#endif

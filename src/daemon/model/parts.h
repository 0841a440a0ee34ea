/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts that several documents share: address rules, patterns, lists of names
 * and the words of enumerations.
 */
#ifndef PN_DAEMON_MODEL_PARTS_H
#define PN_DAEMON_MODEL_PARTS_H

#include "daemon/model/doc.h"

enum {
    PN_APP_NAME_MAX = 64,        /* usage datagrams carry no more */
    PN_NOTE_MAX = 200,           /* of an address range */
    PN_PATTERN_BYTES_MAX = 32768 /* all patterns of one document together */
};

/* Index = value of the enumeration. */
extern const char *const pn_words_foreign[];
extern const char *const pn_words_challenge[];
extern const char *const pn_words_cookies[];
extern const char *const pn_words_user_value[];
extern const char *const pn_words_on_loss[];
extern const char *const pn_words_ip_report[];
extern const char *const pn_words_ipmode[];
extern const char *const pn_words_access[];
extern const char *const pn_words_enforce[];
extern const char *const pn_words_role[];
extern const char *const pn_words_kind[]; /* of a user */
extern const char *const pn_words_state[];
extern const char *const pn_words_scope[];

/* Those of policy and app have a mode: they may only report. */
enum pn_ip_place { PN_IP_OF_TOKEN = 0, PN_IP_OF_RULES };

/* null = no rules.  Address rules that could never allow anything are a
 * fault. */
void pn_part_ip(const struct pn_doc *doc, const char *key,
                enum pn_ip_place place, struct pn_ip_policy *out);
json_t *pn_part_ip_json(const struct pn_ip_policy *ip, enum pn_ip_place place);

/* Path patterns, each checked by core's own parser. */
void pn_part_patterns(const struct pn_doc *doc, const char *key,
                      const struct pn_doc_list *rule, struct pn_text_list *out);

/* Checks for list items and names (struct pn_doc_list.check). */
void pn_part_check_app_name(const struct pn_doc *item, const char *text);
void pn_part_check_group_name(const struct pn_doc *item, const char *text);

/* A token's wish that stands inside another document: begin, then read. */
struct pn_token_wish pn_token_wish_begin(void);
void pn_token_wish_read(const struct pn_doc *doc, struct pn_token_wish *wish);

/* null when not present. */
json_t *pn_part_list_json(const struct pn_text_list *list);
json_t *pn_part_texts_json(char *const *item, size_t count);
/* null for 0; a new reference. */
json_t *pn_part_instant_json(int64_t at);
json_t *pn_part_number_json(uint32_t value);
/* null for NULL and "". */
json_t *pn_part_text_json(const char *text);

#endif

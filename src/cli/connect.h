/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which posternd this run speaks to, as whom, and the calls themselves.
 *
 * In this order: --url or --socket; POSTERN_URL; --local, or nobody signed in:
 * /run/postern/admin.sock, else the socket of a running "postern up"; else the
 * session of "postern login".  --as signs in for this run only.
 */
#ifndef PN_CLI_CONNECT_H
#define PN_CLI_CONNECT_H

#include "base/json.h"
#include "base/secret.h"
#include "cli/cli.h"
#include "cli/session.h"

#define PN_API "/postern/api/v1"

struct pn_answer {
    long status;
    json_t *doc; /* the arena's; NULL when the answer has no body */
    const char *etag;
};

enum pn_want {
    PN_WANT_ANY = 0, /* the administrator's socket will do */
    PN_WANT_PERSON,  /* somebody must have signed in: own tokens */
};

/* Finds posternd and signs in if that is asked for; may be called again. */
PN_MUST_USE enum pn_exit pn_connect(struct pn_cli *cli, enum pn_want want);

/* Through this administrator's socket, whatever the options say. */
PN_MUST_USE enum pn_exit pn_connect_socket(struct pn_cli *cli,
                                           const char *socket);

/* Ends the session of --as, if there was one. */
void pn_connection_close(struct pn_cli *cli);

/* True through the administrator's socket. */
bool pn_connected_locally(const struct pn_cli *cli);
/* Where to: "http://…" or the socket's path. */
const char *pn_connected_to(const struct pn_cli *cli);

/*
 * One call; path is below /postern/api/v1 and already escaped, body is taken
 * over (NULL = none).  Anything but 2xx is said on standard error, field by
 * field, and is PN_EXIT_ERROR, or PN_EXIT_SIGN_IN for 401 and stale sign-ins.
 */
PN_MUST_USE enum pn_exit pn_call(struct pn_cli *cli, const char *method,
                                 const char *path, json_t *body,
                                 struct pn_answer *out);

/* The HTTP status of the last call, also of a refused one; 0 = no answer. */
long pn_call_status(const struct pn_cli *cli);

/* As pn_call(), with If-Match. */
PN_MUST_USE enum pn_exit pn_call_if_match(struct pn_cli *cli, const char *etag,
                                          const char *path, json_t *body,
                                          struct pn_answer *out);

/* The same by POST. */
PN_MUST_USE enum pn_exit pn_post_if_match(struct pn_cli *cli, const char *etag,
                                          const char *path, json_t *body,
                                          struct pn_answer *out);

/* As pn_call(), but status 404 says nothing and is PN_EXIT_FOUND. */
PN_MUST_USE enum pn_exit pn_call_find(struct pn_cli *cli, const char *path,
                                      struct pn_answer *out);

/* Is the caller the administrator of this machine, and nobody by name? */
bool pn_is_local(const struct pn_cli *cli);

/* A GET whose answer goes to a sink as it comes (struct pn_ask). */
PN_MUST_USE enum pn_exit
pn_call_stream(struct pn_cli *cli, const char *path,
               bool (*sink)(void *arg, struct pn_str piece), void *arg);

/* "/tokens/%s" with one name, escaped.  NULL when out of memory. */
const char *pn_path(struct pn_cli *cli, const char *before, const char *name,
                    const char *after);

/*
 * Every item of a list, page after page, at most most of them (0 = all).
 * query is "" or "a=b&c=d", escaped.  *out is the arena's document
 * {"items": […], "next_cursor": …} with what else the last page says.
 */
PN_MUST_USE enum pn_exit pn_call_list(struct pn_cli *cli, const char *path,
                                      const char *query, size_t most,
                                      json_t **out);

/*
 * Open a session for who->username at who->url; *cookie is "name=value" in the
 * arena.  Says why not.
 */
PN_MUST_USE enum pn_exit pn_sign_in(struct pn_cli *cli,
                                    const struct pn_kept_session *who,
                                    const struct pn_secret *password,
                                    const char **cookie);

/* --url, POSTERN_URL, or the address of a running "postern up"; else NULL.
 * *cacert gets --cacert, or what "postern up" noted, or NULL. */
const char *pn_find_url(struct pn_cli *cli, const char **cacert);

/* "scheme://host[:port]" without anything behind it, or PN_EXIT_USAGE. */
PN_MUST_USE enum pn_exit pn_check_url(struct pn_cli *cli, const char *text,
                                      const char **out);

#endif

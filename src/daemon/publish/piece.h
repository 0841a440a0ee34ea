/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that the index holds, in pieces: the next objects of one kind in
 * the store, and the span of keys in which the index has them.
 *
 *     a m n… o… p t…     the index's keys, in order (docs/formats/index.md)
 *         |--|            a piece
 */
#ifndef PN_DAEMON_PUBLISH_PIECE_H
#define PN_DAEMON_PUBLISH_PIECE_H

#include "daemon/publish/object.h"
#include "index/writer.h"

/* Where a walk over all pieces stands; all-zero but for limit = the start. */
struct pn_piece {
    unsigned stage;           /* a kind */
    struct pn_index_key from; /* the piece begins here */
    size_t limit;             /* objects of it, up to PN_STORE_BATCH */
};

/*
 * Hand the piece on to run's sink, keys ascending, and say where it lies.  The
 * spans of consecutive pieces cover every key there can be.  What the store
 * holds in the span and the sink was not handed does not exist.
 */
PN_MUST_USE enum pn_err pn_piece_emit(struct pn_publication *run,
                                      const struct pn_piece *piece,
                                      struct pn_index_span *span);

/* Go on behind the span of the last one; false at the end of everything. */
bool pn_piece_next(struct pn_piece *piece, const struct pn_index_span *span);

#endif

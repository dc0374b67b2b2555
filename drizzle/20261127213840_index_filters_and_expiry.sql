-- Indexes for the filters of the user list, and for the purge of expired sessions.
-- migrate: no-transaction
CREATE INDEX CONCURRENTLY "sessions_expires_at_idx" ON "sessions" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_admins_created_at_id_idx" ON "users" USING btree ("created_at","id") WHERE "users"."role" = 'admin';--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_disabled_created_at_id_idx" ON "users" USING btree ("created_at","id") WHERE "users"."disabled_at" is not null;
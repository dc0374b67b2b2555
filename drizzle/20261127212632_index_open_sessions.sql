-- migrate: no-transaction
CREATE INDEX CONCURRENTLY "sessions_open_idx" ON "sessions" USING btree ("user_id","created_at","id") WHERE "sessions"."revoked_at" is null;--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_sessions_ended_at_idx" ON "users" USING btree ("sessions_ended_at") WHERE "users"."sessions_ended_at" is not null;--> statement-breakpoint
DROP INDEX CONCURRENTLY "sessions_user_id_created_at_id_idx";

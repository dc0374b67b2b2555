/** The two endpoints as a NestJS application has them: controllers, a guard, and a class that says what a body is. */
import {
  Body,
  Controller,
  type ExecutionContext,
  Get,
  HttpCode,
  Injectable,
  NotFoundException,
  Param,
  ParseUUIDPipe,
  Post,
  Req,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common'
import { JwtService } from '@nestjs/jwt'
import { IsEmail, IsString, Length } from 'class-validator'
import type { FastifyRequest } from 'fastify'
import { readConfig } from '../shared/config.ts'
import { createLogin, tokenReply } from '../shared/login.ts'
import { type Caller, createDatabase, createUsers } from '../shared/users.ts'
import { decorateClass, decorateMethod, decorateProperty } from './decorate.ts'

type AuthenticatedRequest = FastifyRequest & { caller: Caller }

export const config = readConfig()

export class UsersService {
  #users = createUsers(createDatabase(config.databaseUrl))
  login = createLogin(this.#users)
  view = this.#users.view
}
decorateClass(UsersService, [Injectable()])

export class JwtGuard {
  #jwt: JwtService

  constructor(jwt: JwtService) {
    this.#jwt = jwt
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>()
    const [scheme, token = ''] = request.headers.authorization?.split(' ') ?? []
    if (scheme !== 'Bearer') throw new UnauthorizedException()
    try {
      request.caller = await this.#jwt.verifyAsync(token)
    } catch {
      throw new UnauthorizedException()
    }
    return true
  }
}
decorateClass(JwtGuard, [Injectable()], [JwtService])

export class LoginBody {
  declare email: string
  declare password: string
}
decorateProperty(LoginBody, 'email', [IsEmail(), Length(1, 254)])
decorateProperty(LoginBody, 'password', [IsString(), Length(1, 128)])

export class AuthController {
  #users: UsersService
  #jwt: JwtService

  constructor(users: UsersService, jwt: JwtService) {
    this.#users = users
    this.#jwt = jwt
  }

  async login(body: LoginBody, request: FastifyRequest) {
    const client = { ip: request.ip, userAgent: request.headers['user-agent'] ?? '' }
    const opened = await this.#users.login(body, client)
    if (!opened) throw new UnauthorizedException()
    return tokenReply(await this.#jwt.signAsync(opened.claims), opened.refreshToken, config)
  }
}
decorateClass(AuthController, [Controller('auth')], [UsersService, JwtService])
decorateMethod(
  AuthController,
  'login',
  [Post('login'), HttpCode(200)],
  [
    { type: LoginBody, decorator: Body() },
    { type: Object, decorator: Req() },
  ],
)

export class UsersController {
  #users: UsersService

  constructor(users: UsersService) {
    this.#users = users
  }

  async findOne(id: string, { caller }: AuthenticatedRequest) {
    const user = await this.#users.view(id, caller)
    if (!user) throw new NotFoundException()
    return user
  }
}
decorateClass(UsersController, [Controller('users')], [UsersService])
decorateMethod(
  UsersController,
  'findOne',
  [Get(':id'), UseGuards(JwtGuard)],
  [
    { type: String, decorator: Param('id', new ParseUUIDPipe()) },
    { type: Object, decorator: Req() },
  ],
)

/** The command of the package. What an older Node.js does not have is added before the report is loaded. */
import './node-20.ts'
import '../main.ts'
